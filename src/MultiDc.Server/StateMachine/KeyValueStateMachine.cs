using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Watching;
using MultiDc.Storage;

namespace MultiDc.Server.StateMachine;

/// <summary>What applying one command came to.</summary>
/// <param name="Result">For the caller whose command it was.</param>
/// <param name="Session">The session it opened, if it opened one.</param>
internal readonly record struct ApplyResult(WriteResult Result, SessionId? Session = null);

/// <summary>
/// The keys and sessions of one shard. Applying is a function of the entry and the state alone, so that all replicas agree; entries are
/// applied in batches whose rows and applied index reach the store in one atomic write.
/// </summary>
internal sealed class KeyValueStateMachine(IReplicaState state, HashRange range)
{
    /// <summary>The most sessions of a shard. Part of the replicated contract: replicas that disagreed on it would diverge.</summary>
    public const int MaxSessions = 4096;

    private readonly SessionTable sessions = new(MaxSessions);

    // Rows changed by the batch that is being applied, not yet in the store; null: deleted.
    private readonly Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changed = new(ByteMemoryComparer.Instance);
    private readonly List<Change> changes = [];

    /// <summary>What the batch that was applied last has changed, key by key, in order.</summary>
    public IReadOnlyList<Change> Changes => changes;

    /// <summary>Reads the sessions from the rows: after opening and after a snapshot was installed.</summary>
    public async ValueTask LoadAsync()
    {
        sessions.Clear();
        using var view = state.OpenView();
        await foreach (var row in view.ScanAsync(StateRows.FirstSession, StateRows.AfterSessions))
        {
            sessions.Set(StateRows.SessionOfRow(row.Key.Span), StateRows.DecodeSession(row.Value.Span));
        }
    }

    /// <summary>Applies committed entries, in order.</summary>
    /// <returns>One result per entry; applying one that is no command changes nothing and succeeds.</returns>
    public async ValueTask<ApplyResult[]> ApplyAsync(IReadOnlyList<LogEntry> entries)
    {
        var results = new ApplyResult[entries.Count];
        changed.Clear();
        changes.Clear();
        for (var i = 0; i < entries.Count; i++)
        {
            results[i] = entries[i].Kind == EntryKind.Command
                ? await ApplyAsync(entries[i].Index, KeyValueCommandCodec.Decode(entries[i].Payload))
                : new(new Applied(new(entries[i].Index.Value)));
        }

        var batch = new StateBatch();
        foreach (var (key, value) in changed)
        {
            batch.Changes.Add((key, value));
        }

        await state.ApplyAsync(batch, entries[^1].Index);
        changed.Clear();
        return results;
    }

    private async ValueTask<ApplyResult> ApplyAsync(LogIndex index, KeyValueCommand command)
    {
        switch (command)
        {
            case OpenSessionCommand:
                var opened = new SessionId(index.Value);
                Remember(opened, new(default, index, SessionOutcome.None, default));
                return new(new Applied(new(index.Value)), opened);

            case WriteCommand write:
                if (!sessions.TryGet(write.Session, out var record))
                {
                    return new(new Rejected(RejectionReason.SessionExpired, "the shard does not know the session (any more)"));
                }

                if (write.Sequence.Value < record.LastSequence.Value)
                {
                    // A late copy of a write whose caller has gone on. It applied at its time or never will; which, is forgotten.
                    return new(new Unknown("the session has gone on to later writes"));
                }

                if (write.Sequence.Value > record.LastSequence.Value)
                {
                    var (outcome, revision) = await ApplyAsync(index, write.Operation);
                    record = new(write.Sequence, index, outcome, revision);
                    Remember(write.Session, record);
                }

                return new(ResultOf(record));

            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private async ValueTask<(SessionOutcome Outcome, Revision Revision)> ApplyAsync(LogIndex index, WriteOperation operation)
    {
        var revision = new Revision(index.Value);
        if (!range.Contains(operation.Key.Span))
        {
            return (SessionOutcome.WrongShard, revision);
        }

        var row = StateRows.EntryKey(operation.Key.Span);
        var present = await CurrentAsync(row) is { } bytes ? StateRows.DecodeEntry(operation.Key, bytes) : null;
        if (operation is CompareAndSetOperation compare && !Matches(compare.Expected, present))
        {
            return (SessionOutcome.PreconditionFailed, revision);
        }

        var value = operation switch
        {
            PutOperation put => put.Value,
            CompareAndSetOperation set => set.Value,
            DeleteOperation => (ReadOnlyMemory<byte>?)null,
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        var written = value is { } bytesWritten ? new KeyValueEntry(operation.Key, bytesWritten, present?.CreateRevision ?? revision, revision, (present?.Version ?? 0) + 1) : null;
        changed[row] = written is null ? (ReadOnlyMemory<byte>?)null : StateRows.Encode(written);
        if (written is not null || present is not null)
        {
            changes.Add(new(revision, operation.Key, value, written?.CreateRevision ?? default, written?.Version ?? 0, present?.ModifyRevision));
        }

        return (SessionOutcome.Applied, revision);
    }

    private static bool Matches(ReadOnlyMemory<byte>? expected, KeyValueEntry? present) =>
        expected is { } value ? present is not null && present.Value.Span.SequenceEqual(value.Span) : present is null;

    private static WriteResult ResultOf(SessionRecord record) => record.Outcome switch
    {
        SessionOutcome.Applied => new Applied(record.OutcomeRevision),
        SessionOutcome.PreconditionFailed => new Rejected(RejectionReason.PreconditionFailed, "the value is another than expected"),
        SessionOutcome.WrongShard => new Rejected(RejectionReason.WrongShard, "the key is not in this shard's range"),

        // Only a write numbered 0 meets a session that has not written. It is in the log, so it must be answered, not break every replica.
        SessionOutcome.None => new Rejected(RejectionReason.InvalidArgument, "the writes of a session are numbered from 1"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private ValueTask<ReadOnlyMemory<byte>?> CurrentAsync(ReadOnlyMemory<byte> row) =>
        changed.TryGetValue(row, out var value) ? new(value) : state.GetAsync(row);

    private void Remember(SessionId session, SessionRecord record)
    {
        changed[StateRows.SessionKey(session)] = StateRows.Encode(record);
        if (sessions.Set(session, record) is { } forgotten)
        {
            changed[StateRows.SessionKey(forgotten)] = null;
        }
    }
}
