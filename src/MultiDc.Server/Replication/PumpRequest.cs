using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>Something a pump is asked to do on its own turn.</summary>
internal abstract class PumpRequest
{
    /// <summary>The timestamp after which nobody waits for it any more; null: somebody always does.</summary>
    public long? GivenUpAt { get; init; }

    /// <summary>The pump ended before the request was served.</summary>
    public abstract void Abandon(PumpStop stop);
}

/// <summary>Something for the log: a command or a change of the group's membership.</summary>
internal abstract class ProposeRequest : PumpRequest
{
    /// <summary>Set when the entry is in the log: from then on the outcome is unknown until an entry is applied at its index.</summary>
    public EntryId? ProposedAs { get; set; }

    public abstract ProposalResult ProposeTo(RaftNode node);

    /// <summary>Tells the result; more than once if need be, and the first counts.</summary>
    public abstract void Complete(ApplyResult result);

    public override void Abandon(PumpStop stop) => Complete(new(ProposedAs is null
        ? new Rejected(RejectionReason.NotReady, stop.Detail)
        : new Unknown($"the replica stopped: {stop.Detail}")));
}

/// <summary>A proposal that is answered by itself.</summary>
/// <param name="propose">Proposes it to the node.</param>
internal sealed class ProposeAlone(Func<RaftNode, ProposalResult> propose) : ProposeRequest
{
    private readonly TaskCompletionSource<ApplyResult> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<ApplyResult> Result => completion.Task;

    public override ProposalResult ProposeTo(RaftNode node) => propose(node);

    public override void Complete(ApplyResult result) => completion.TrySetResult(result);
}

/// <summary>A command that is answered together with others.</summary>
/// <param name="payload">The command.</param>
/// <param name="decisions">Where the result is noted.</param>
/// <param name="write">Which of the writes there it is.</param>
internal sealed class ProposeTogether(ReadOnlyMemory<byte> payload, WriteDecisions decisions, int write) : ProposeRequest
{
    public override ProposalResult ProposeTo(RaftNode node) => node.Propose(payload);

    public override void Complete(ApplyResult result) => decisions.Decide(write, result.Result);
}

/// <summary>A linearizable read.</summary>
internal abstract class LinearizableRead : PumpRequest
{
    /// <summary>Reads now; what is read is fresh.</summary>
    public async ValueTask ServeAsync(IReplicaState state) => (await ReadAsync(state))();

    /// <summary>Reads now, and answers only when the returned action is called.</summary>
    public abstract ValueTask<Action> ReadAsync(IReplicaState state);

    public abstract void Refuse(ReadRejected rejection);

    public override void Abandon(PumpStop stop) => Refuse(new(RejectionReason.NotReady, stop.Detail));
}

/// <inheritdoc/>
internal sealed class LinearizableRead<TReply>(Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse) : LinearizableRead
{
    private readonly TaskCompletionSource<TReply> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<TReply> Result => completion.Task;

    public override async ValueTask<Action> ReadAsync(IReplicaState state)
    {
        var reply = await read(state);
        return () => completion.TrySetResult(reply);
    }

    public override void Refuse(ReadRejected rejection) => completion.TrySetResult(refuse(rejection));
}

/// <summary>Somebody waits until the log is applied up to an index.</summary>
/// <param name="index">The index.</param>
/// <param name="deadline">A reading of the clock after which nobody waits any more.</param>
internal sealed class AppliedWait(LogIndex index, long deadline) : PumpRequest
{
    public long Deadline => deadline;

    private readonly TaskCompletionSource<bool> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public LogIndex Index => index;

    /// <summary>False: the pump ended before, or was asked to wait for too many.</summary>
    public Task<bool> Result => completion.Task;

    public void Complete(bool isApplied) => completion.TrySetResult(isApplied);

    public override void Abandon(PumpStop stop) => Complete(false);
}

/// <summary>Anything else that must run between two steps of the node.</summary>
internal sealed class TurnRequest<TReply>(Func<ValueTask<TReply>> turn, TReply whenStopped) : PumpRequest, ITurn
{
    private readonly TaskCompletionSource<TReply> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<TReply> Result => completion.Task;

    public async ValueTask RunAsync()
    {
        try
        {
            completion.TrySetResult(await turn());
        }
        finally
        {
            // What the turn throws ends the pump, which no longer knows of this request.
            completion.TrySetResult(whenStopped);
        }
    }

    public override void Abandon(PumpStop stop) => completion.TrySetResult(whenStopped);
}

/// <summary>The part of a <see cref="TurnRequest{TReply}"/> that the pump needs.</summary>
internal interface ITurn
{
    ValueTask RunAsync();
}

/// <summary>Why a pump ended.</summary>
internal enum PumpStopReason
{
    /// <summary>It was asked to.</summary>
    Requested,

    /// <summary>A later activation of the replica opened the store.</summary>
    Fenced,

    /// <summary>The store has no space.</summary>
    StoreFull,

    /// <summary>The store failed; the process must restart.</summary>
    StoreFailed,

    /// <summary>The store's database went away; the replica opens again when it is back.</summary>
    StoreUnavailable,

    /// <summary>The impossible happened; the files stay for examination.</summary>
    Broken,
}

/// <summary>How a pump ended.</summary>
internal sealed record PumpStop(PumpStopReason Reason, string Detail);
