using System.Buffers.Binary;
using System.Text;

namespace MultiDc.Storage;

/// <summary>
/// The keys of layout version 1 (LAYOUT.md). Numbers are big-endian so that keys sort as the numbers do. Replicas go by small slot
/// numbers, given out once and never reused, to keep the keys short.
/// </summary>
internal static class StoreKeys
{
    public const int SlotBytes = 4;
    public const int LogKeyBytes = SlotBytes + 8;
    public const int HardKeyBytes = 5;
    public const int StatePrefixBytes = 9;

    private const byte IdentityKind = 0x00;
    private const byte NameKind = 0x01;
    private const byte ReplicaKind = 0x02;
    private const byte HardStateKind = 0x03;
    private const byte LogStartKind = 0x04;
    private const byte RecordKind = 0x05;

    private const byte AppliedKind = 0x00;
    private const byte RowKind = 0x01;

    public static byte[] Identity { get; } = [IdentityKind];

    /// <summary>Before every replica's name.</summary>
    public static byte[] FirstName { get; } = [NameKind];

    /// <summary>After every replica's name.</summary>
    public static byte[] AfterNames { get; } = [NameKind + 1];

    /// <summary>Past every replica record, so that the last one can be found.</summary>
    public static byte[] AfterReplicas { get; } = [ReplicaKind + 1];

    public static byte[] Name(ReplicaName replica) => [NameKind, .. Encoding.UTF8.GetBytes(replica.Value)];

    public static byte[] Record(string key) => [RecordKind, .. Encoding.UTF8.GetBytes(key)];

    public static byte[] Replica(uint slot) => Hard(ReplicaKind, slot);

    public static byte[] HardState(uint slot) => Hard(HardStateKind, slot);

    public static byte[] LogStart(uint slot) => Hard(LogStartKind, slot);

    /// <summary>The slot of a replica record's key, or null when it is a key of another kind.</summary>
    public static uint? SlotOfReplica(ReadOnlySpan<byte> key) =>
        key.Length == HardKeyBytes && key[0] == ReplicaKind ? BinaryPrimitives.ReadUInt32BigEndian(key[1..]) : null;

    /// <summary>The replica of a name's key, or null when it is a key of another kind.</summary>
    public static ReplicaName? ReplicaOfName(ReadOnlySpan<byte> key) =>
        key is [NameKind, .. { Length: > 0 } name] ? new ReplicaName(Encoding.UTF8.GetString(name)) : null;

    /// <summary>The name of a record's key, or null when it is a key of another kind.</summary>
    public static string? NameOfRecord(ReadOnlySpan<byte> key) => key is [RecordKind, .. { Length: > 0 } name] ? Encoding.UTF8.GetString(name) : null;

    /// <summary>The slot of a key of a replica's record, hard state or log start.</summary>
    public static uint SlotOfHard(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt32BigEndian(key[1..]);

    /// <summary>The slot of a key of <c>log</c> or <c>state</c>.</summary>
    public static uint SlotOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt32BigEndian(key);

    public static byte[] Log(uint slot, ulong index)
    {
        var key = new byte[LogKeyBytes];
        WriteLog(key, slot, index);
        return key;
    }

    public static void WriteLog(Span<byte> key, uint slot, ulong index)
    {
        BinaryPrimitives.WriteUInt32BigEndian(key, slot);
        BinaryPrimitives.WriteUInt64BigEndian(key[4..], index);
    }

    public static ulong IndexOfLog(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[4..]);

    /// <summary>Before every state row of the slot's generation, and, for the next generation, after every one of this.</summary>
    public static byte[] Generation(uint slot, uint generation)
    {
        var key = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(key, slot);
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(4), generation);
        return key;
    }

    public static uint GenerationOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt32BigEndian(key[4..]);

    public static bool IsApplied(ReadOnlySpan<byte> key) => key.Length == StatePrefixBytes && key[StatePrefixBytes - 1] == AppliedKind;

    public static bool IsRow(ReadOnlySpan<byte> key) => key.Length >= StatePrefixBytes && key[StatePrefixBytes - 1] == RowKind;

    public static byte[] Applied(uint slot, uint generation) => [.. Generation(slot, generation), AppliedKind];

    public static byte[] Row(uint slot, uint generation, ReadOnlySpan<byte> key)
    {
        var full = new byte[StatePrefixBytes + key.Length];
        BinaryPrimitives.WriteUInt32BigEndian(full, slot);
        BinaryPrimitives.WriteUInt32BigEndian(full.AsSpan(4), generation);
        full[8] = RowKind;
        key.CopyTo(full.AsSpan(StatePrefixBytes));
        return full;
    }

    /// <summary>After every row of the slot's generation.</summary>
    public static byte[] AfterRows(uint slot, uint generation) => [.. Generation(slot, generation), RowKind + 1];

    /// <summary>A key as errors and LAYOUT.md write it.</summary>
    public static string Describe(string family, ReadOnlySpan<byte> key) => $"{family}/{Convert.ToHexStringLower(key)}";

    private static byte[] Hard(byte kind, uint slot)
    {
        var key = new byte[HardKeyBytes];
        key[0] = kind;
        BinaryPrimitives.WriteUInt32BigEndian(key.AsSpan(1), slot);
        return key;
    }
}
