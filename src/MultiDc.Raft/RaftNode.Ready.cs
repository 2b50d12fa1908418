namespace MultiDc.Raft;

/// <summary>What leaves the core, and in which order it may take effect.</summary>
public sealed partial class RaftNode
{
    private static readonly Ready Nothing = new();
    private HardState hardStateOffered;
    private LogIndex appliedOffered;
    private SnapshotMetadata? snapshotToInstall;
    private LogIndex? advanceAppliedTo;

    /// <summary>What the host must do next; false when there is nothing. Must be followed by <see cref="Advance"/> before it is called again.</summary>
    public bool TryGetReady(out Ready ready)
    {
        Invariant.Require(advanceAppliedTo is null, "a Ready is carried out and advanced before the next is asked for");
        if (Role == RaftRole.Leader)
        {
            SendAsLeader();
        }

        // Only what is durable here is applied, or a state machine could be ahead of its log after a crash. That leaves nothing while a
        // snapshot waits to be installed, since no entry after it can be durable yet.
        var apply = log.Slice(appliedOffered.Next(), Min(Commit, log.Durable), options.MaxApplyBytes);
        var persist = log.OfferUnpersisted();
        var durable = hardStateOffered;
        var hardState = OfferHardState(persist.Count > 0 || snapshotToInstall is not null);
        if (hardState is null && snapshotToInstall is null && persist.Count == 0 && outbox.Count == 0
            && apply.IsEmpty && readStates.Count == 0 && readsLost.Count == 0 && snapshotsToSend.Count == 0)
        {
            ready = Nothing;
            return false;
        }

        var (atOnce, after) = PartMessages(persist.Count > 0 && hardStateOffered with { Commit = durable.Commit } == durable);
        ready = new Ready
        {
            HardState = hardState,
            SnapshotToInstall = snapshotToInstall,
            EntriesToPersist = persist,
            MessagesWhilePersisting = atOnce,
            MessagesAfterPersist = after,
            EntriesToApply = apply.IsEmpty ? Array.Empty<LogEntry>() : apply,
            ReadStates = AllOf(readStates),
            ReadsLost = AllOf(readsLost),
            SnapshotsToSend = AllOf(snapshotsToSend),
        };

        appliedOffered = apply.Length > 0 ? apply[^1].Index : appliedOffered;
        advanceAppliedTo = appliedOffered;
        snapshotToInstall = null;
        outbox.Clear();
        readStates.Clear();
        readsLost.Clear();
        snapshotsToSend.Clear();
        return true;
    }

    /// <summary>The host has carried out the last <see cref="Ready"/>.</summary>
    public void Advance()
    {
        Invariant.Require(advanceAppliedTo is not null, "there is a Ready to advance");
        Applied = advanceAppliedTo.Value;
        advanceAppliedTo = null;
        log.MarkOfferedDurable();
        CountOwnVote();
        if (Role == RaftRole.Leader)
        {
            // The leader counts itself only now that its own entries are durable.
            AdvanceCommit();
        }
    }

    // Most of the lists are empty most of the time.
    private static IReadOnlyList<T> AllOf<T>(List<T> items) => items.Count == 0 ? [] : items.ToArray();

    // The term and vote of whoever leads are durable since before it asked for votes.
    private (IReadOnlyList<RaftMessage> AtOnce, IReadOnlyList<RaftMessage> After) PartMessages(bool persistsOnlyEntries)
    {
        if (!options.AppendWhilePersisting || !persistsOnlyEntries || Role != RaftRole.Leader)
        {
            return ([], AllOf(outbox));
        }

        List<RaftMessage> atOnce = [], after = [];
        foreach (var message in outbox)
        {
            // A second append to the same follower follows entries of the first, which are not durable yet.
            (message is AppendRequest append && append.Previous.Index <= log.Durable ? atOnce : after).Add(message);
        }

        return (atOnce, after);
    }

    /// <summary>The commit index is a hint, not worth a flush of its own.</summary>
    private HardState? OfferHardState(bool persistsAnyway)
    {
        var now = new HardState(Term, votedFor, Commit);
        var mustBeDurable = now with { Commit = hardStateOffered.Commit } != hardStateOffered;
        if (!mustBeDurable && (!persistsAnyway || now == hardStateOffered))
        {
            return null;
        }

        hardStateOffered = now;
        return now;
    }
}
