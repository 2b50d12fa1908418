using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Replacements;

/// <summary>
/// Asks the leader of a group, again and again, to take a replica's new home in: as a learner, and in the place of the old one when it has caught
/// up. Who leads decides what the next step is (<see cref="ReplacementPlan"/>), so it does not matter where an earlier opening, or leader, stopped.
/// </summary>
internal sealed partial class GroupJoiner(
    ReplicaAddress replica, Opened opened, ReplicaFounder founder, Guid storeId, IDatacenterLinks links, SiloCredential credential, TimeProvider time, ILogger logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    private readonly ReplicaPlace[] others = [.. opened.Descriptor.Places.Where(place => place != replica.Place)];
    private readonly TaskCompletionSource member = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Refused> refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource stopping = new();
    private Task asking = Task.CompletedTask;

    /// <summary>Asks the replica itself, which may have come to lead before all was done.</summary>
    public required Func<bool, Task<JoinReply>> AskSelf { get; init; }

    /// <summary>Completes when the group counts it among its members.</summary>
    public Task Member => member.Task;

    /// <summary>Completes when another store has taken its place.</summary>
    public Task<Refused> Refused => refused.Task;

    /// <summary>What it waits for.</summary>
    public string Detail { get; private set; } = "no leader was asked yet";

    /// <summary>Begins. One that its own log names as a member waits for nobody: the leader may be gone, and its vote needed for the next.</summary>
    public void Start()
    {
        if (opened.Replacement is not { } id)
        {
            member.TrySetResult();
            return;
        }

        if (opened.Configuration.Contains(id))
        {
            member.TrySetResult();
        }

        asking = AskUntilSettledAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await asking;
        stopping.Dispose();
    }

    private async Task AskUntilSettledAsync()
    {
        try
        {
            while (!await IsSettledAsync())
            {
                await Task.Delay(Retry, time, stopping.Token);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The opening ended.
        }
        catch (Exception exception)
        {
            // The store failed.
            refused.TrySetResult(new(exception.Message));
        }
    }

    private async Task<bool> IsSettledAsync()
    {
        foreach (var asked in others.Append(replica.Place))
        {
            switch (await AskAsync(asked))
            {
                case { Outcome: JoinOutcome.Settled }:
                    member.TrySetResult();
                    LogSettled(logger, replica, storeId);
                    return true;
                case { Outcome: JoinOutcome.NotTheHome } reply:
                    Detail = reply.Detail;
                    if (await founder.FindSuccessorAsync(replica) is { } replaced)
                    {
                        refused.TrySetResult(replaced);
                        return true;
                    }

                    return false;
                case { Outcome: JoinOutcome.Refused } reply:
                    refused.TrySetResult(new($"replica {replica}: {reply.Detail}"));
                    return true;
                case { Outcome: JoinOutcome.UnderWay } reply:
                    Detail = reply.Detail;
                    if (reply.IsMember)
                    {
                        member.TrySetResult();
                    }

                    return false;
            }
        }

        return false;
    }

    // Null: no answer.
    private async Task<JoinReply?> AskAsync(ReplicaPlace asked)
    {
        var isWitness = opened.Descriptor.Witnesses.Contains(replica.Datacenter);
        try
        {
            return asked == replica.Place ? await AskSelf(isWitness).WaitAsync(CallTimeout, time, stopping.Token)
                : links.TryGetLink(asked.Datacenter, out var link) && link.TryGetGrain<IReplicaPeerGrain>(ReplicaAddress.Of(replica.Shard, asked).ToString(), out var peer)
                    ? await peer.JoinAsync(replica.Datacenter, storeId, isWitness, credential, replica.Ordinal).WaitAsync(CallTimeout, time, stopping.Token)
                : null;
        }
        catch (Exception exception) when (!stopping.IsCancellationRequested)
        {
            LogNoAnswer(logger, replica, asked, exception.Message);
            return null;
        }
    }

    [LoggerMessage(1160, LogLevel.Information, "Replica {Replica} has its vote on store {StoreId}, in the place of a store that is gone")]
    private static partial void LogSettled(ILogger logger, ReplicaAddress replica, Guid storeId);

    [LoggerMessage(1161, LogLevel.Debug, "Replica {Replica}: no answer from {Other} to its request to join: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, ReplicaAddress replica, ReplicaPlace other, string reason);
}
