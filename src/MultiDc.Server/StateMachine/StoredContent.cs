using MultiDc.Grains;
using MultiDc.Storage;

namespace MultiDc.Server.StateMachine;

/// <summary>A row of a shard's state, or a command of its log, in words: for tools that look at a stopped store.</summary>
public abstract record StoredContent
{
    /// <summary>Reads a row.</summary>
    /// <exception cref="FormatException">It is no row of the key-value state that this version knows.</exception>
    public static StoredContent OfRow(StateRow row) => row.Key.Span switch
    {
        [StateRows.EntryPrefix, ..] => new StoredEntry(StateRows.DecodeEntry(StateRows.KeyOfEntryRow(row.Key), row.Value)),
        var key when StateRows.IsLeaseRow(key) => LeaseOf(StateRows.LeaseOfRow(key), StateRows.DecodeLease(row.Value.Span)),
        var key when StateRows.IsBoundKeyRow(key) => BoundKeyOf(StateRows.BoundKeyOfRow(row.Key), row.Value.Span),
        var key when StateRows.IsGuardRow(key) => GuardOf(StateRows.NameOfGuardRow(key), StateRows.DecodeGuard(row.Value.Span)),
        var key => SessionOf(StateRows.SessionOfRow(key), StateRows.DecodeSession(row.Value.Span), StateRows.DecodeAnswer(row.Value)),
    };

    /// <summary>Reads the payload of an entry of kind <see cref="EntryKind.Command"/>.</summary>
    /// <exception cref="FormatException">It is no command that this version knows.</exception>
    public static StoredContent OfCommand(ReadOnlyMemory<byte> payload) => KeyValueCommandCodec.Decode(payload) switch
    {
        OpenSessionCommand => new StoredSessionOpening(),
        ExpireLeasesCommand expire => new StoredLeaseExpiry([.. expire.Leases.Select(static lease => lease.Lease)]),
        WriteCommand write => new StoredWrite(write.Session, write.Sequence, write.Operation),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static StoredLease LeaseOf(LeaseId lease, LeaseRecord record) => new(lease, record.Ttl, record.RenewedAt, record.Keys);

    private static StoredBoundKey BoundKeyOf((LeaseId Lease, ReadOnlyMemory<byte> Key) bound, ReadOnlySpan<byte> row)
    {
        StateRows.CheckBound(row);
        return new(bound.Lease, bound.Key);
    }

    private static StoredGuard GuardOf(string name, GuardRecord record) => new(name, record.Token, record.RaisedAt);

    private static StoredSession SessionOf(SessionId session, SessionRecord record, WriteAnswer? answer) => new(
        session,
        record.LastSequence,
        record.LastUsedAt,
        record.Outcome switch
        {
            SessionOutcome.None => null,
            SessionOutcome.Applied => StoredOutcome.Applied,
            SessionOutcome.PreconditionFailed => StoredOutcome.PreconditionFailed,
            SessionOutcome.WrongShard => StoredOutcome.WrongShard,
            SessionOutcome.NotAnInteger => StoredOutcome.NotAnInteger,
            SessionOutcome.OutOfRange => StoredOutcome.OutOfRange,
            SessionOutcome.FencingTokenStale => StoredOutcome.FencingTokenStale,
            SessionOutcome.LimitReached => StoredOutcome.LimitReached,
            SessionOutcome.LeaseNotFound => StoredOutcome.LeaseNotFound,
            _ => throw new System.Diagnostics.UnreachableException(),
        },
        record.OutcomeRevision,
        answer?.ToApplied(record.OutcomeRevision));
}

/// <summary>A row: a key with its value.</summary>
/// <param name="Entry">The key, the value and their revisions.</param>
public sealed record StoredEntry(KeyValueEntry Entry) : StoredContent;

/// <summary>A row: what is remembered of a session.</summary>
/// <param name="Session">The session, named by the index of the entry that opened it.</param>
/// <param name="LastSequence">The number of its last write.</param>
/// <param name="LastUsedAt">The index of its last write, or of its opening.</param>
/// <param name="Outcome">What became of its last write; null: it has not written.</param>
/// <param name="OutcomeRevision">The revision of that write.</param>
/// <param name="Answer">What a retry of that write is answered, if that is more than its revision.</param>
public sealed record StoredSession(
    SessionId Session, SessionSequence LastSequence, LogIndex LastUsedAt, StoredOutcome? Outcome, Revision OutcomeRevision, Applied? Answer = null) : StoredContent;

/// <summary>A row: the greatest token seen under a guard's name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Token">The token.</param>
/// <param name="RaisedAt">The index of the first write that had it.</param>
public sealed record StoredGuard(string Name, ulong Token, LogIndex RaisedAt) : StoredContent;

/// <summary>A row: a lease.</summary>
/// <param name="Lease">Which.</param>
/// <param name="Ttl">How long it lives from each renewal.</param>
/// <param name="RenewedAt">The index of its last renewal.</param>
/// <param name="Keys">How many keys are bound to it.</param>
public sealed record StoredLease(LeaseId Lease, TimeSpan Ttl, LogIndex RenewedAt, int Keys) : StoredContent;

/// <summary>A row: a key is bound to a lease.</summary>
/// <param name="Lease">The lease.</param>
/// <param name="Key">The key.</param>
public sealed record StoredBoundKey(LeaseId Lease, ReadOnlyMemory<byte> Key) : StoredContent;

/// <summary>A command: leases expire, if they have not been renewed meanwhile.</summary>
/// <param name="Leases">Which.</param>
public sealed record StoredLeaseExpiry(IReadOnlyList<LeaseId> Leases) : StoredContent;

/// <summary>A command: a session is opened.</summary>
public sealed record StoredSessionOpening : StoredContent;

/// <summary>A command: a write of a session.</summary>
/// <param name="Session">The session.</param>
/// <param name="Sequence">Its number in the session.</param>
/// <param name="Operation">What it does.</param>
public sealed record StoredWrite(SessionId Session, SessionSequence Sequence, WriteOperation Operation) : StoredContent;

/// <summary>What became of a write.</summary>
public enum StoredOutcome
{
    /// <summary>It was applied.</summary>
    Applied,

    /// <summary>A compare-and-set found another value.</summary>
    PreconditionFailed,

    /// <summary>The key was not in the shard's range.</summary>
    WrongShard,

    /// <summary>The value was no integer.</summary>
    NotAnInteger,

    /// <summary>The integer, value or results would have been too large.</summary>
    OutOfRange,

    /// <summary>The guard's token was less than one seen before.</summary>
    FencingTokenStale,

    /// <summary>There was no room for another guard, lease or key of a lease.</summary>
    LimitReached,

    /// <summary>There was no such lease.</summary>
    LeaseNotFound,
}
