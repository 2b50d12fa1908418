using MultiDc.Grains;
using MultiDc.Ring;
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
internal sealed partial class KeyValueStateMachine(IReplicaState state, KeyRange range)
{
    /// <summary>The most sessions of a shard. Part of the replicated contract: replicas that disagreed on it would diverge.</summary>
    public const int MaxSessions = 4096;

    private readonly SessionTable sessions = new(MaxSessions);

    // Rows changed by the batch that is being applied, not yet in the store; null: deleted.
    private readonly Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changed = new(ByteMemoryComparer.Instance);

    // The same, as the store is given them.
    private readonly StateBatch rows = new();

    /// <summary>Reads the sessions from the rows: after opening and after a snapshot was installed.</summary>
    public async ValueTask LoadAsync()
    {
        (SizeChange, Loads) = (0, Loads + 1);
        var known = new List<(SessionId, SessionRecord)>();
        using var view = state.OpenView();
        await foreach (var row in view.ScanAsync(StateRows.FirstSession, StateRows.AfterSessions))
        {
            known.Add((StateRows.SessionOfRow(row.Key.Span), StateRows.DecodeSession(row.Value.Span)));
        }

        sessions.Load(known);
        await LoadGuardsAsync(view);
        await LoadLeasesAsync(view);
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
            TellChanges(new(entries[i].Index.Value));
        }

        rows.Changes.Clear();
        foreach (var (key, value) in changed)
        {
            rows.Changes.Add((key, value));
        }

        await state.ApplyAsync(rows, entries[^1].Index);
        rows.Changes.Clear();
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

            case ExpireLeasesCommand expire:
                foreach (var (lease, renewedAt) in expire.Leases)
                {
                    await ExpireAsync(lease, renewedAt);
                }

                return new(new Applied(new(index.Value)));

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
                    var (outcome, answer, answerBytes) = await ApplyAsync(index, write.Operation);
                    record = new(write.Sequence, index, outcome, new(index.Value));
                    Remember(write.Session, record, answerBytes);
                    return new(ResultOf(record, answer));
                }

                return new(ResultOf(record, await AnswerOfAsync(write.Session)));

            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static WriteResult ResultOf(SessionRecord record, WriteAnswer? answer) => OutcomeOf(record, answer) switch
    {
        Rejected rejected when record.Outcome != SessionOutcome.None => rejected with { Revision = record.OutcomeRevision },
        var result => result,
    };

    private static WriteResult OutcomeOf(SessionRecord record, WriteAnswer? answer) => record.Outcome switch
    {
        SessionOutcome.Applied => answer?.ToApplied(record.OutcomeRevision) ?? new Applied(record.OutcomeRevision),
        SessionOutcome.PreconditionFailed => new Rejected(RejectionReason.PreconditionFailed, "the value is another than expected"),
        SessionOutcome.WrongShard => new Rejected(RejectionReason.WrongShard, "the key is not in this shard's range"),
        SessionOutcome.NotAnInteger => new Rejected(RejectionReason.NotAnInteger, "the value is no integer of 64 bits in decimal text"),
        SessionOutcome.OutOfRange => new Rejected(RejectionReason.OutOfRange, "the integer has no place in 64 bits, or the value or the results are too large"),
        SessionOutcome.FencingTokenStale => new Rejected(RejectionReason.FencingTokenStale, "the shard has seen a greater token under the guard's name"),
        SessionOutcome.LimitReached => new Rejected(RejectionReason.LimitReached, "the shard has as many guards, or leases, or the lease as many keys, as may be"),
        SessionOutcome.LeaseNotFound => new Rejected(RejectionReason.LeaseNotFound, "the shard has no such lease (any more)"),

        // Only a write numbered 0 meets a session that has not written. It is in the log, so it must be answered, not break every replica.
        SessionOutcome.None => new Rejected(RejectionReason.InvalidArgument, "the writes of a session are numbered from 1"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private ValueTask<ReadOnlyMemory<byte>?> CurrentAsync(ReadOnlyMemory<byte> row) =>
        batch.TryGetValue(row, out var value) || changed.TryGetValue(row, out value) ? new(value) : state.GetAsync(row);

    // What a retry is answered is not kept in memory: retries are rare, and answers may be large.
    private async ValueTask<WriteAnswer?> AnswerOfAsync(SessionId session) =>
        await CurrentAsync(StateRows.SessionKey(session)) is { } row ? StateRows.DecodeAnswer(row) : null;

    private void Remember(SessionId session, SessionRecord record, ReadOnlyMemory<byte> answer = default)
    {
        changed[StateRows.SessionKey(session)] = StateRows.Encode(record, answer.Span);
        if (sessions.Set(session, record) is { } forgotten)
        {
            changed[StateRows.SessionKey(forgotten)] = null;
        }
    }
}
