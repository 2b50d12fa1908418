using System.IO.Hashing;

namespace MultiDc.Server.StateMachine;

/// <summary>Compares byte strings by content.</summary>
internal sealed class ByteMemoryComparer : IEqualityComparer<ReadOnlyMemory<byte>>
{
    public static readonly ByteMemoryComparer Instance = new();

    public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

    public int GetHashCode(ReadOnlyMemory<byte> obj) => (int)XxHash3.HashToUInt64(obj.Span);
}
