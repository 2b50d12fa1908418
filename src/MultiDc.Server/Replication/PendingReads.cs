using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// Linearizable reads on their way (dissertation §6.4): asked before the leader knew its commit index, waiting for a quorum to confirm the
/// leadership, or confirmed and waiting for the state machine.
/// </summary>
/// <param name="maxHeld">The most that wait for a new leader's first commit.</param>
/// <param name="retryAfter">After what time whoever is refused as overloaded is told to come again.</param>
internal sealed class PendingReads(int maxHeld, TimeSpan retryAfter)
{
    private readonly List<LinearizableRead> beforeTermCommitted = [];
    private readonly Dictionary<ReadRequestId, LinearizableRead> unconfirmed = [];
    private readonly List<ConfirmedRead> confirmed = [];
    private ulong lastId;

    /// <summary>A read that may be served when the index is applied; under a lease only if that still holds afterwards.</summary>
    private readonly record struct ConfirmedRead(LogIndex Index, LinearizableRead Read, bool UnderLease);

    /// <summary>Asks the node for a read index; keeps the read, or refuses it.</summary>
    public void Begin(RaftNode node, LinearizableRead read, Func<ReplicaPlace?> leader)
    {
        var id = new ReadRequestId(++lastId);
        switch (node.ReadIndex(id))
        {
            case ProposalRefusal.None:
                unconfirmed.Add(id, read);
                break;
            case ProposalRefusal.TermNotCommitted when beforeTermCommitted.Count >= maxHeld:
                read.Refuse(new(RejectionReason.Overloaded, $"{maxHeld} reads wait already for the new leader's first commit") { RetryAfter = retryAfter });
                break;
            case ProposalRefusal.TermNotCommitted:
                beforeTermCommitted.Add(read);
                break;
            case ProposalRefusal.Overloaded:
                read.Refuse(new(RejectionReason.Overloaded, "too many reads wait for the leader's quorum") { RetryAfter = retryAfter });
                break;
            default:
                read.Refuse(ReadRejected.By(RejectionReason.NotLeader, "this replica does not lead", leader()));
                break;
        }
    }

    /// <summary>Keeps a read that needs no round of its own, because this leader holds a lease (§6.4.1).</summary>
    public void BeginUnderLease(RaftNode node, LinearizableRead read) => confirmed.Add(new(node.Commit, read, UnderLease: true));

    /// <summary>Reads that were held back ask again: the term's first entry may be committed, or the leadership lost.</summary>
    /// <returns>Whether the node has something to do for them now.</returns>
    public bool Retry(RaftNode node, Func<ReplicaPlace?> leader)
    {
        if (beforeTermCommitted.Count == 0)
        {
            return false;
        }

        LinearizableRead[] held = [.. beforeTermCommitted];
        beforeTermCommitted.Clear();
        foreach (var read in held)
        {
            Begin(node, read, leader);
        }

        return beforeTermCommitted.Count < held.Length && unconfirmed.Count > 0;
    }

    /// <summary>Takes over what the node has decided.</summary>
    public void Take(Ready ready, Func<ReplicaPlace?> leader)
    {
        foreach (var state in ready.ReadStates)
        {
            if (unconfirmed.Remove(state.Id, out var read))
            {
                confirmed.Add(new(state.Index, read, UnderLease: false));
            }
        }

        foreach (var id in ready.ReadsLost)
        {
            if (unconfirmed.Remove(id, out var read))
            {
                read.Refuse(ReadRejected.By(RejectionReason.NotLeader, "this replica lost the leadership", leader()));
            }
        }
    }

    /// <summary>
    /// Serves what is confirmed and applied. The store is asked first, after all these reads arrived, whether this opening is still the
    /// newest: the leadership rounds counted this replica itself, and a replica may do so only while nobody has taken its place. A lease is
    /// looked at after the state was read and before the answer leaves, with a new reading of the clock: whatever held this replica up in
    /// between, the state was fresh. A read whose lease is gone asks a quorum after all.
    /// </summary>
    /// <returns>Whether the node has something to do for a read that must ask a quorum after all.</returns>
    public async ValueTask<bool> ServeAsync(IReplicaStorage storage, RaftNode node, Func<MonotonicTime> now, Func<ReplicaPlace?> leader)
    {
        if (confirmed.Count == 0 || !IsAnyApplied(storage.State.Applied))
        {
            return false;
        }

        await storage.ConfirmEpochAsync();
        var again = false;
        for (var i = 0; i < confirmed.Count;)
        {
            var (index, read, underLease) = confirmed[i];
            if (index > storage.State.Applied)
            {
                i++;
                continue;
            }

            var answer = await read.ReadAsync(storage.State);
            confirmed[i] = confirmed[^1];
            confirmed.RemoveAt(confirmed.Count - 1);
            if (!underLease || node.LeaseHolds(now()))
            {
                answer();
            }
            else
            {
                Begin(node, read, leader);
                again = true;
            }
        }

        return again;
    }

    private bool IsAnyApplied(LogIndex applied)
    {
        foreach (var read in confirmed)
        {
            if (read.Index <= applied)
            {
                return true;
            }
        }

        return false;
    }

    public void AbandonAll(PumpStop stop)
    {
        foreach (var read in beforeTermCommitted.Concat(unconfirmed.Values).Concat(confirmed.Select(static c => c.Read)))
        {
            read.Abandon(stop);
        }

        beforeTermCommitted.Clear();
        unconfirmed.Clear();
        confirmed.Clear();
    }
}
