using MultiDc.Grains;
using MultiDc.Storage;

namespace MultiDc.Server.StateMachine;

/// <summary>A row of a shard's state, or a command of its log, in words: for tools that look at a stopped store.</summary>
public abstract record StoredContent
{
    /// <summary>Reads a row.</summary>
    /// <exception cref="FormatException">It is no row of the key-value state that this version knows.</exception>
    public static StoredContent OfRow(StateRow row) =>
        row.Key.Span.SequenceCompareTo(StateRows.FirstSession.Span) >= 0
            ? SessionOf(StateRows.SessionOfRow(row.Key.Span), StateRows.DecodeSession(row.Value.Span))
            : row.Key.Span is [StateRows.EntryPrefix, ..]
                ? new StoredEntry(StateRows.DecodeEntry(StateRows.KeyOfEntryRow(row.Key), row.Value))
                : throw new FormatException("no key of a state row");

    /// <summary>Reads the payload of an entry of kind <see cref="EntryKind.Command"/>.</summary>
    /// <exception cref="FormatException">It is no command that this version knows.</exception>
    public static StoredContent OfCommand(ReadOnlyMemory<byte> payload) => KeyValueCommandCodec.Decode(payload) switch
    {
        OpenSessionCommand => new StoredSessionOpening(),
        WriteCommand write => new StoredWrite(write.Session, write.Sequence, write.Operation),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static StoredSession SessionOf(SessionId session, SessionRecord record) => new(
        session,
        record.LastSequence,
        record.LastUsedAt,
        record.Outcome switch
        {
            SessionOutcome.None => null,
            SessionOutcome.Applied => StoredOutcome.Applied,
            SessionOutcome.PreconditionFailed => StoredOutcome.PreconditionFailed,
            SessionOutcome.WrongShard => StoredOutcome.WrongShard,
            _ => throw new System.Diagnostics.UnreachableException(),
        },
        record.OutcomeRevision);
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
public sealed record StoredSession(SessionId Session, SessionSequence LastSequence, LogIndex LastUsedAt, StoredOutcome? Outcome, Revision OutcomeRevision) : StoredContent;

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
}
