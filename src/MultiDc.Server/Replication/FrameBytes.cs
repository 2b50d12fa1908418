using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;

namespace MultiDc.Server.Replication;

/// <summary>
/// The bytes of a frame. On the wire they are a <see cref="ReadOnlyMemory{T}"/> as any other, but nothing else of a message refers to them, so they are not noted in the
/// table of what may be referred to: a parcel has hundreds of frames, and the table was a sixth of all that a busy silo allocated.
/// </summary>
/// <param name="Memory">The bytes.</param>
[Immutable]
internal readonly record struct FrameBytes(ReadOnlyMemory<byte> Memory)
{
    public int Length => Memory.Length;

    public ReadOnlySpan<byte> Span => Memory.Span;

    public static implicit operator FrameBytes(ReadOnlyMemory<byte> memory) => new(memory);

    public static implicit operator FrameBytes(byte[] bytes) => new(bytes);

    public static implicit operator ReadOnlyMemory<byte>(FrameBytes bytes) => bytes.Memory;
}

/// <summary>Reads and writes <see cref="FrameBytes"/>.</summary>
[RegisterSerializer]
internal sealed class FrameBytesCodec : IFieldCodec<FrameBytes>
{
    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, [AllowNull] Type expectedType, FrameBytes value)
        where TBufferWriter : IBufferWriter<byte>
    {
        ReferenceCodec.MarkValueField(writer.Session);
        writer.WriteFieldHeader(fieldIdDelta, expectedType, typeof(FrameBytes), WireType.LengthPrefixed);
        writer.WriteVarUInt32((uint)value.Length);
        writer.Write(value.Span);
    }

    public FrameBytes ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        field.EnsureWireType(WireType.LengthPrefixed);
        var bytes = reader.ReadBytes(reader.ReadVarUInt32());
        ReferenceCodec.MarkValueField(reader.Session);
        return new(bytes);
    }
}

/// <summary>They never change.</summary>
[RegisterCopier]
internal sealed class FrameBytesCopier : ShallowCopier<FrameBytes>;
