using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>Reads of this replica's own state, which need no leader, and what tells how old that is.</summary>
internal sealed partial class ReplicaPump
{
    private readonly List<AppliedWait> appliedWaits = [];

    /// <summary>Reads what is applied here, however old it is.</summary>
    public Task<TReply> ReadStaleAsync<TReply>(Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse)
    {
        var turn = new TurnRequest<TReply>(
            () => DescribeWhyNoState() is { } why ? ValueTask.FromResult(refuse(new(RejectionReason.NotReady, why))) : read(storage.State),
            refuse(new(RejectionReason.NotReady, "the replica has stopped")));
        return Enqueue(turn) is var (reason, detail) ? Task.FromResult(refuse(new(reason, detail) { RetryAfter = RetryAfterOf(reason) })) : turn.Result;
    }

    /// <summary>Completes when the log is applied up to the index; false when it never will be here, or too many wait, or some time after the caller's patience has ended.</summary>
    public Task<bool> WaitUntilAppliedAsync(LogIndex index, TimeSpan patience)
    {
        var wait = new AppliedWait(index, time.GetTimestamp() + (long)(patience.TotalSeconds * time.TimestampFrequency));
        return Enqueue(wait) is null ? wait.Result : Task.FromResult(false);
    }

    /// <summary>Why nobody may watch this replica, as of its last round; null: they may.</summary>
    public string? DescribeWhyNoWatch() => History.IsClosed ? "the replica has stopped, or is about to" : DescribeWhyNoState(status.Configuration);

    // However old a state may be: one that is only being filled never was the state, and who is no member any more hears of no write.
    private string? DescribeWhyNoState() => DescribeWhyNoState(node.Configuration);

    private string? DescribeWhyNoState(GroupConfiguration configuration) => configuration.IsWitness(node.Id) ? "a witness has no state"
        : configuration.IsVoter(node.Id) ? null
        : "the replica has no vote";

    private void BeginToWait(AppliedWait wait)
    {
        if (appliedWaits.Count >= options.MaxHeldReads)
        {
            // An index that is never reached here, such as that of another system's token, is waited for by nobody in the end.
            EndWaits();
        }

        if (appliedWaits.Count < options.MaxHeldReads)
        {
            appliedWaits.Add(wait);
        }
        else
        {
            wait.Complete(false);
        }
    }

    private void EndWaits()
    {
        if (appliedWaits.Count > 0)
        {
            var now = time.GetTimestamp();
            foreach (var wait in appliedWaits)
            {
                if (wait.Index <= storage.State.Applied)
                {
                    wait.Complete(true);
                }
                else if (wait.Deadline < now)
                {
                    wait.Complete(false);
                }
            }

            appliedWaits.RemoveAll(static wait => wait.Result.IsCompleted);
        }
    }
}
