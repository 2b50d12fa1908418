using System.Buffers.Binary;

namespace MultiDc.Server.Founding;

/// <summary>
/// Which store is a replica's home, as the ring's shard holds it. A founding home is its store's id (16 bytes); a later one is a version (1),
/// the generation (4, little-endian) and the id.
/// </summary>
/// <param name="StoreId">The store.</param>
/// <param name="Generation">How many homes the replica had before.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReplicaHome")]
internal sealed record ReplicaHome([property: Id(0)] Guid StoreId, [property: Id(1)] int Generation)
{
    private const byte Version = 2;
    private const int IdBytes = 16;

    /// <summary>Whether the store came in the place of another.</summary>
    public bool IsReplacement => Generation > 0;

    public byte[] Serialize()
    {
        if (!IsReplacement)
        {
            return StoreId.ToByteArray();
        }

        var bytes = new byte[1 + sizeof(int) + IdBytes];
        bytes[0] = Version;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1), Generation);
        StoreId.TryWriteBytes(bytes.AsSpan(1 + sizeof(int)));
        return bytes;
    }

    /// <exception cref="FormatException">The bytes are no home, or one of a later format.</exception>
    public static ReplicaHome Deserialize(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        return span.Length == IdBytes ? new(new Guid(span), 0)
            : span.Length == 1 + sizeof(int) + IdBytes && span[0] == Version && BinaryPrimitives.ReadInt32LittleEndian(span[1..]) is > 0 and var generation
                ? new(new Guid(span[(1 + sizeof(int))..]), generation)
            : throw new FormatException("the stored home of a replica is not readable");
    }
}
