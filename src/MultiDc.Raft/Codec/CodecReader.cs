using System.Buffers.Binary;

namespace MultiDc.Raft;

/// <summary>
/// Reads fields off the front of some bytes. Every read checks what is left first, so that only <see cref="CodecException"/> leaves it.
/// </summary>
internal ref struct CodecReader(ReadOnlyMemory<byte> input)
{
    private readonly ReadOnlyMemory<byte> input = input;
    private int position;

    public readonly int Position => position;

    public readonly int Remaining => input.Length - position;

    public ReadOnlyMemory<byte> Bytes(int count)
    {
        if (count < 0 || count > Remaining)
        {
            throw new CodecException($"truncated: {count} bytes wanted, {Remaining} left");
        }

        var bytes = input.Slice(position, count);
        position += count;
        return bytes;
    }

    public byte Byte() => Bytes(1).Span[0];

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4).Span);

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8).Span);

    /// <summary>An unsigned LEB128 number. Only the shortest form is taken, so that a value has one encoding.</summary>
    public ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            if (shift == 63 && next > 1)
            {
                throw new CodecException("a varint exceeds 64 bits");
            }

            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return next != 0 || shift == 0 ? value : throw new CodecException("a varint is longer than it needs to be");
            }
        }

        throw new CodecException("a varint exceeds 64 bits");
    }

    public bool Boolean() => Byte() switch
    {
        0 => false,
        1 => true,
        var other => throw new CodecException($"{other} is no boolean"),
    };

    public void Version(byte known, string what)
    {
        var version = Byte();
        if (version != known)
        {
            throw new CodecException($"{what}: format version {version} is unknown, this program knows {known}");
        }
    }

    public readonly void End(string what)
    {
        if (Remaining != 0)
        {
            throw new CodecException($"{what}: {Remaining} bytes follow its end");
        }
    }
}
