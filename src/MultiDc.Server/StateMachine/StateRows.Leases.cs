using System.Buffers.Binary;

namespace MultiDc.Server.StateMachine;

/// <summary>What is known of a lease. When it ends is not, for that is told by clocks.</summary>
/// <param name="TtlMilliseconds">How long it lives from each renewal.</param>
/// <param name="RenewedAt">The log index of its last renewal, or of its grant.</param>
/// <param name="Keys">How many keys are bound to it.</param>
internal readonly record struct LeaseRecord(ulong TtlMilliseconds, LogIndex RenewedAt, int Keys)
{
    public TimeSpan Ttl => TimeSpan.FromMilliseconds(TtlMilliseconds);
}

/// <summary>The rows of leases, and of what is bound to them.</summary>
internal static partial class StateRows
{
    private const byte LeasePrefix = 0x40;
    private const byte LeaseKeyPrefix = 0x41;
    private const int LeaseBytes = 21;
    private const int LeaseKeyHeaderBytes = 9;

    /// <summary>Where the lease rows begin.</summary>
    public static readonly ReadOnlyMemory<byte> FirstLease = new byte[] { LeasePrefix };

    /// <summary>Right after the lease rows.</summary>
    public static readonly ReadOnlyMemory<byte> AfterLeases = new byte[] { LeasePrefix + 1 };

    /// <summary>That a key is bound.</summary>
    public static readonly ReadOnlyMemory<byte> Bound = new byte[] { Version };

    public static ReadOnlyMemory<byte> LeaseKey(LeaseId lease) => WithLease(LeasePrefix, lease, default);

    public static bool IsLeaseRow(ReadOnlySpan<byte> row) => row is [LeasePrefix, ..];

    public static LeaseId LeaseOfRow(ReadOnlySpan<byte> row) =>
        row is [LeasePrefix, .. { Length: 8 } lease] ? new(BinaryPrimitives.ReadUInt64BigEndian(lease)) : throw new FormatException("no key of a lease row");

    /// <summary>The row that says that the key is bound to the lease; with an empty key, where those rows begin.</summary>
    public static ReadOnlyMemory<byte> BoundKey(LeaseId lease, ReadOnlySpan<byte> key) => WithLease(LeaseKeyPrefix, lease, key);

    /// <summary>Right after the rows of the keys bound to the lease.</summary>
    public static ReadOnlyMemory<byte> AfterBoundKeys(LeaseId lease) => WithLease(LeaseKeyPrefix, new(lease.Value + 1), default);

    public static bool IsBoundKeyRow(ReadOnlySpan<byte> row) => row is [LeaseKeyPrefix, ..];

    public static (LeaseId Lease, ReadOnlyMemory<byte> Key) BoundKeyOfRow(ReadOnlyMemory<byte> row) => row.Length > LeaseKeyHeaderBytes
        ? (new(BinaryPrimitives.ReadUInt64BigEndian(row.Span[1..])), row[LeaseKeyHeaderBytes..])
        : throw new FormatException("no key of a row of a bound key");

    public static void CheckBound(ReadOnlySpan<byte> row) => CheckVersion(row, 1);

    public static ReadOnlyMemory<byte> Encode(LeaseRecord record)
    {
        var row = new byte[LeaseBytes];
        row[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(1), record.TtlMilliseconds);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(9), record.RenewedAt.Value);
        BinaryPrimitives.WriteInt32LittleEndian(row.AsSpan(17), record.Keys);
        return row;
    }

    public static LeaseRecord DecodeLease(ReadOnlySpan<byte> row)
    {
        CheckVersion(row, LeaseBytes);
        var ttl = row.Length == LeaseBytes ? BinaryPrimitives.ReadUInt64LittleEndian(row[1..]) : ulong.MaxValue;
        return ttl <= Grains.LeaseLimits.MaxTtl.TotalMilliseconds
            ? new(ttl, new(BinaryPrimitives.ReadUInt64LittleEndian(row[9..])), BinaryPrimitives.ReadInt32LittleEndian(row[17..]))
            : throw new FormatException($"a lease row of {row.Length} bytes that lives {ttl} ms");
    }

    private static byte[] WithLease(byte prefix, LeaseId lease, ReadOnlySpan<byte> key)
    {
        var row = new byte[LeaseKeyHeaderBytes + key.Length];
        row[0] = prefix;
        BinaryPrimitives.WriteUInt64BigEndian(row.AsSpan(1), lease.Value);
        key.CopyTo(row.AsSpan(LeaseKeyHeaderBytes));
        return row;
    }
}
