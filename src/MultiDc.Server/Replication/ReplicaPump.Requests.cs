using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>What may be handed to the pump, from any thread: each is taken into the bounded inbox, or refused at once.</summary>
internal sealed partial class ReplicaPump
{
    /// <summary>
    /// Hands in a Raft message; false when it was dropped. A snapshot comes here only for a witness, which has no state to be streamed.
    /// </summary>
    public bool TryDeliver(RaftMessage message)
    {
        if (message is SnapshotRequest snapshot && !TakesWithoutState(snapshot, status.Configuration, status.Last))
        {
            DropWithoutState();
            return false;
        }

        if (inbox.TryAddMessage(message))
        {
            return true;
        }

        metrics.MessagesDropped.Add(1, new KeyValuePair<string, object?>("reason", "inbox_full"));
        return false;
    }

    /// <summary>Proposes a command; the result comes when an entry is applied at its place in the log.</summary>
    /// <param name="payload">The command.</param>
    /// <param name="patience">How long the caller waits: what has not come to its turn by then is not proposed any more. Null: for ever.</param>
    public Task<ApplyResult> ProposeAsync(ReadOnlyMemory<byte> payload, TimeSpan? patience = null) => ProposeAsync(node => node.Propose(payload), patience);

    /// <summary>Proposes a command.</summary>
    /// <param name="payload">The command.</param>
    /// <param name="patience">As above.</param>
    /// <param name="decisions">Is told the result.</param>
    /// <param name="write">Which of the writes there it is.</param>
    public void Propose(ReadOnlyMemory<byte> payload, TimeSpan? patience, WriteDecisions decisions, int write) =>
        HandIn(new ProposeTogether(payload, decisions, write) { GivenUpAt = GivenUpAt(patience) });

    private Task<ApplyResult> ProposeAsync(Func<RaftNode, ProposalResult> propose, TimeSpan? patience = null)
    {
        var request = new ProposeAlone(propose) { GivenUpAt = GivenUpAt(patience) };
        HandIn(request);
        return request.Result;
    }

    private void HandIn(ProposeRequest request)
    {
        if (Enqueue(request) is var (reason, detail))
        {
            request.Complete(new(new Rejected(reason, detail) { RetryAfter = RetryAfterOf(reason) }));
        }
    }

    /// <summary>Reads, linearizably. Where the pump's turn need not be waited for, the state is read on the caller's thread.</summary>
    /// <param name="read">Reads.</param>
    /// <param name="refuse">Makes a refusal.</param>
    /// <param name="patience">How long the caller waits: what has not come to its turn by then is not begun any more. Null: for ever.</param>
    public Task<TReply> ReadAsync<TReply>(Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse, TimeSpan? patience = null) =>
        FindLease() is { } lease ? ReadUnderLeaseAsync(lease, read, refuse) : ReadOnTurnAsync(read, refuse, patience);

    private Task<TReply> ReadOnTurnAsync<TReply>(Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse, TimeSpan? patience = null)
    {
        var request = new LinearizableRead<TReply>(read, refuse) { GivenUpAt = GivenUpAt(patience) };
        if (Enqueue(request) is var (reason, detail))
        {
            request.Refuse(new(reason, detail) { RetryAfter = RetryAfterOf(reason) });
        }

        return request.Result;
    }

    /// <summary>Takes a chunk of a snapshot.</summary>
    public Task<SnapshotChunkReply> TakeChunkAsync(SnapshotRequest request, SnapshotChunk chunk)
    {
        var turn = new TurnRequest<SnapshotChunkReply>(() => TakeChunkOnTurnAsync(request, chunk), new(false));
        return Enqueue(turn) is null ? turn.Result : Task.FromResult(new SnapshotChunkReply(false));
    }

    /// <summary>Begins to hand the leadership over.</summary>
    public Task<bool> TransferLeadershipAsync(ReplicaId to)
    {
        var turn = new TurnRequest<bool>(() => ValueTask.FromResult(node.TransferLeadership(to)), false);
        return Enqueue(turn) is null ? turn.Result : Task.FromResult(false);
    }

    /// <summary>
    /// Before the silo stops: hands the leadership to whoever takes over soonest, and sends watchers elsewhere, for whose calls Orleans would wait. Ends when this replica leads no more; at once when it does not lead, or there is nobody to
    /// hand it to. Nobody knows how long it takes: callers have their own patience.
    /// </summary>
    public async Task HandOverLeadershipAsync()
    {
        History.SendAway();
        var turn = new TurnRequest<bool>(() => ValueTask.FromResult(node.HandOverLeadership()), false);
        if (Enqueue(turn) is null && await turn.Result)
        {
            await ledNoMore.Task;
        }
    }

    /// <summary>Wakes the group if it is silent.</summary>
    public void Wake()
    {
        if (IsQuiesced)
        {
            Enqueue(new TurnRequest<bool>(
                () =>
                {
                    node.Wake();
                    return ValueTask.FromResult(true);
                },
                false));
        }
    }

    /// <summary>A datacenter seems to be gone: a leader there is waited for no longer, nor, where a witness can stand in for it, a follower.</summary>
    public void Miss(DatacenterId datacenter)
    {
        // Not among the requests, which may have no room, nor more than once.
        if ((status.Leader?.Datacenter == datacenter || LeadsWithWitnesses(status.Role, status.Configuration)) && missQueued.TryAdd(datacenter, 0))
        {
            inbox.AddCompletion(new TurnRequest<bool>(
                () =>
                {
                    missQueued.TryRemove(datacenter, out _);
                    MissOnTurn(datacenter);
                    return ValueTask.FromResult(true);
                },
                false));
        }
    }

    private static bool LeadsWithWitnesses(RaftRole role, GroupConfiguration configuration) => role == RaftRole.Leader && !configuration.Witnesses.IsEmpty;

    private void MissOnTurn(DatacenterId datacenter)
    {
        if (LeadsWithWitnesses(node.Role, node.Configuration))
        {
            foreach (var gone in node.Configuration.Members.Where(member => members.DatacenterOf(member) == datacenter))
            {
                LogLeftOut(logger, sender.Address, datacenter);
                node.ReportGone(gone);
            }
        }
        else if (Leader()?.Datacenter == datacenter)
        {
            LogMissed(logger, sender.Address, datacenter);
            node.ForgetLeader();
        }
    }

    private long? GivenUpAt(TimeSpan? patience) => patience is { } time ? this.time.GetTimestamp() + (long)(time.TotalSeconds * this.time.TimestampFrequency) : null;

    private TimeSpan? RetryAfterOf(RejectionReason reason) => reason == RejectionReason.Overloaded ? options.RetryAfter : null;

    /// <summary>Hands in a request; what to refuse it with, if it was not taken.</summary>
    private (RejectionReason Reason, string Detail)? Enqueue(PumpRequest request)
    {
        if (inbox.TryAddRequest(request))
        {
            if (inbox.IsClosed)
            {
                // It may have come behind the last look into the inbox. Abandoning what is answered already changes nothing.
                request.Abandon(new(PumpStopReason.Requested, "the replica has stopped"));
            }

            return null;
        }

        if (inbox.IsClosed)
        {
            return (RejectionReason.NotReady, "the replica has stopped");
        }

        metrics.RequestsRefused.Add(1);
        return (RejectionReason.Overloaded, $"{options.MaxWaitingRequests} requests wait already");
    }
}
