namespace MultiDc.Routing.Shards;

/// <summary>What to do after one attempt at a write.</summary>
internal enum AttemptAction
{
    /// <summary>Tell the caller.</summary>
    Return,

    /// <summary>Ask the replica that the answer hinted at, or the next one.</summary>
    TryNext,

    /// <summary>Wait a little, then ask the same replica again.</summary>
    BackOff,

    /// <summary>Open a new session, then try again.</summary>
    ReopenSession,
}

/// <summary>
/// Decides about retries. Pure. The rule that matters: once any attempt may have reached a log, a later rejection says only that the
/// <em>later</em> attempt did not happen, so the caller is told Unknown unless a replica reports the write itself as applied or refused.
/// </summary>
internal static class AttemptDecision
{
    public static AttemptAction Decide(WriteResult outcome, bool mayHaveHappened) => outcome switch
    {
        Applied => AttemptAction.Return,
        Unknown => AttemptAction.TryNext,
        Rejected rejected => rejected.Reason switch
        {
            RejectionReason.NotLeader or RejectionReason.NotReady or RejectionReason.StoreFull or RejectionReason.Unavailable => AttemptAction.TryNext,
            RejectionReason.Overloaded => AttemptAction.BackOff,

            // In a new session the write would be a new write: only safe when no earlier attempt can have happened.
            RejectionReason.SessionExpired => mayHaveHappened ? AttemptAction.Return : AttemptAction.ReopenSession,
            _ => AttemptAction.Return,
        },
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>What the caller is told when the last attempt ended so.</summary>
    public static WriteResult Conclude(WriteResult last, bool mayHaveHappened) => last switch
    {
        // The state machine compared and refused under this very session and sequence, so that is the write's one outcome.
        Rejected
        {
            Reason: RejectionReason.PreconditionFailed or RejectionReason.NotAnInteger or RejectionReason.OutOfRange
                or RejectionReason.FencingTokenStale or RejectionReason.LimitReached or RejectionReason.LeaseNotFound
        } => last,
        Rejected rejected when mayHaveHappened => new Unknown($"an earlier attempt may have happened; the last one: {rejected.Detail}"),
        Rejected { Reason: RejectionReason.NotLeader } rejected => new Rejected(RejectionReason.Unavailable, $"no leader before the deadline: {rejected.Detail}"),
        _ => last,
    };
}
