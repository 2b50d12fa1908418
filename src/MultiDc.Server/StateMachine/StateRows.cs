using System.Buffers.Binary;

namespace MultiDc.Server.StateMachine;

/// <summary>
/// How the key-value state lies in the rows of a replica, pinned by golden files. <c>0x10 key</c> holds an entry: version (1), create
/// revision (8, little-endian), modify revision (8), times written (8), value; version 2 has the lease (8) before the value, and is written of keys that have one. <c>0x20 session (8, big-endian)</c> holds a
/// <see cref="SessionRecord"/>: version (1), last sequence (8), last used at (8), outcome (1), outcome's revision (8). Version 2 has a
/// <see cref="WriteAnswer"/> behind it, or nothing, and knows more outcomes; version 1 is written where it suffices, so that earlier versions read it.
/// <c>0x30 name</c> holds a <see cref="GuardRecord"/>: version (1), token (8), index of the write that raised it (8).
/// <c>0x40 lease (8, big-endian)</c> holds a <see cref="LeaseRecord"/>: version (1), life in milliseconds (8), index of the last renewal (8), number of keys (4).
/// <c>0x41 lease (8, big-endian) key</c> says that the key is bound to the lease: version (1).
/// </summary>
internal static partial class StateRows
{
    /// <summary>The first byte of an entry row's key.</summary>
    public const byte EntryPrefix = 0x10;

    private const byte Version = 1;
    private const byte SessionVersionWithAnswers = 2;
    private const byte EntryVersionWithLease = 2;
    private const byte SessionPrefix = 0x20;
    private const int EntryHeaderBytes = 25;
    private const int SessionBytes = 26;

    /// <summary>Where the session rows begin.</summary>
    public static readonly ReadOnlyMemory<byte> FirstSession = new byte[] { SessionPrefix };

    /// <summary>Right after the session rows.</summary>
    public static readonly ReadOnlyMemory<byte> AfterSessions = new byte[] { SessionPrefix + 1 };

    /// <summary>Right after the entry rows.</summary>
    public static readonly ReadOnlyMemory<byte> AfterEntries = new byte[] { EntryPrefix + 1 };

    public static ReadOnlyMemory<byte> EntryKey(ReadOnlySpan<byte> key)
    {
        var row = new byte[key.Length + 1];
        row[0] = EntryPrefix;
        key.CopyTo(row.AsSpan(1));
        return row;
    }

    public static ReadOnlyMemory<byte> KeyOfEntryRow(ReadOnlyMemory<byte> row) => row[1..];

    public static ReadOnlyMemory<byte> Encode(KeyValueEntry entry) => Encode(EntryHead.Of(entry).Value, entry.Value.Span);

    public static ReadOnlyMemory<byte> Encode(EntryHead entry, ReadOnlySpan<byte> value)
    {
        var header = entry.Lease.IsNone ? EntryHeaderBytes : EntryHeaderBytes + 8;
        var row = new byte[header + value.Length];
        row[0] = entry.Lease.IsNone ? Version : EntryVersionWithLease;
        if (!entry.Lease.IsNone)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(EntryHeaderBytes), entry.Lease.Value);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(1), entry.CreateRevision.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(9), entry.ModifyRevision.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(17), entry.Version);
        value.CopyTo(row.AsSpan(header));
        return row;
    }

    public static KeyValueEntry DecodeEntry(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> row)
    {
        var head = DecodeHead(row.Span);
        return new(key, row[^head.ValueBytes..], head.CreateRevision, head.ModifyRevision, head.Version, head.Lease);
    }

    public static EntryHead DecodeHead(ReadOnlySpan<byte> row)
    {
        var hasLease = row is [EntryVersionWithLease, ..];
        var header = hasLease ? EntryHeaderBytes + 8 : EntryHeaderBytes;
        CheckVersion(row, header, hasLease ? EntryVersionWithLease : Version);
        return new(
            new(BinaryPrimitives.ReadUInt64LittleEndian(row[1..])),
            new(BinaryPrimitives.ReadUInt64LittleEndian(row[9..])),
            BinaryPrimitives.ReadUInt64LittleEndian(row[17..]),
            hasLease ? new(BinaryPrimitives.ReadUInt64LittleEndian(row[EntryHeaderBytes..])) : default,
            row.Length - header);
    }

    public static ReadOnlyMemory<byte> SessionKey(SessionId session)
    {
        var row = new byte[9];
        row[0] = SessionPrefix;
        BinaryPrimitives.WriteUInt64BigEndian(row.AsSpan(1), session.Value);
        return row;
    }

    public static SessionId SessionOfRow(ReadOnlySpan<byte> row) =>
        row is [SessionPrefix, .. { Length: 8 } session] ? new(BinaryPrimitives.ReadUInt64BigEndian(session)) : throw new FormatException("no key of a session row");

    /// <param name="record">The record.</param>
    /// <param name="answer">The bytes of a <see cref="WriteAnswer"/>, or none.</param>
    public static ReadOnlyMemory<byte> Encode(SessionRecord record, ReadOnlySpan<byte> answer = default)
    {
        var row = new byte[SessionBytes + answer.Length];
        row[0] = answer.IsEmpty && record.Outcome <= SessionOutcome.WrongShard ? Version : SessionVersionWithAnswers;
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(1), record.LastSequence.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(9), record.LastUsedAt.Value);
        row[17] = (byte)record.Outcome;
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(18), record.OutcomeRevision.Value);
        answer.CopyTo(row.AsSpan(SessionBytes));
        return row;
    }

    public static SessionRecord DecodeSession(ReadOnlySpan<byte> row)
    {
        var hasAnswers = row is [SessionVersionWithAnswers, ..];
        CheckVersion(row, SessionBytes, hasAnswers ? SessionVersionWithAnswers : Version);
        if ((row.Length != SessionBytes && !hasAnswers) || row[17] > (byte)(hasAnswers ? SessionOutcome.LeaseNotFound : SessionOutcome.WrongShard))
        {
            throw new FormatException($"a session row of {row.Length} bytes with outcome {row[17]}");
        }

        return new(
            new(BinaryPrimitives.ReadUInt64LittleEndian(row[1..])),
            new(BinaryPrimitives.ReadUInt64LittleEndian(row[9..])),
            (SessionOutcome)row[17],
            new(BinaryPrimitives.ReadUInt64LittleEndian(row[18..])));
    }

    /// <summary>What the session's last write answered beside its revision; null: nothing.</summary>
    public static WriteAnswer? DecodeAnswer(ReadOnlyMemory<byte> sessionRow) => sessionRow.Length > SessionBytes ? WriteAnswer.Decode(sessionRow[SessionBytes..]) : null;

    /// <summary>The first row key after every row that begins with the prefix.</summary>
    public static ReadOnlyMemory<byte> AfterPrefix(ReadOnlySpan<byte> keyPrefix)
    {
        var end = keyPrefix.Length;
        while (end > 0 && keyPrefix[end - 1] == byte.MaxValue)
        {
            end--;
        }

        if (end == 0)
        {
            return AfterEntries;
        }

        var bound = EntryKey(keyPrefix[..end]).ToArray();
        bound[^1]++;
        return bound;
    }

    private static void CheckVersion(ReadOnlySpan<byte> row, int leastBytes, byte version = Version)
    {
        if (row.Length < leastBytes || row[0] != version)
        {
            throw new FormatException($"a state row of {row.Length} bytes and version {(row.IsEmpty ? 0 : row[0])}; this one reads version {version}");
        }
    }
}
