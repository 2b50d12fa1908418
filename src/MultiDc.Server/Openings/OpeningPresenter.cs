using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Openings;

/// <summary>
/// Presents one opening of a replica to the other replicas of its group until all have accepted it, which for a datacenter that is away
/// takes as long as it is. The opening may take part as soon as <see cref="PresentationAnswers"/> says so. A refusal may still come after
/// that, from one who could not be asked before, and ends the opening.
/// </summary>
internal sealed partial class OpeningPresenter(
    ReplicaAddress replica, Opened opened, ReplicaRecords records, IDatacenterLinks links, SiloCredential credential, ReplicaMetrics metrics, TimeProvider time,
    ILogger logger)
    : IAsyncDisposable
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WaitingRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan AcceptedRetry = TimeSpan.FromSeconds(2);

    private readonly Presentation presentation = Presentation.Of(records.StoreId, opened.Storage.Epoch, opened.OpeningId, opened.Storage.Recovered) with
    {
        Member = new GroupMember(replica, opened.Replacement ?? GroupMembers.IdOf(replica.Place)).ToWire(),
    };
    private readonly ReplicaPlace[] others = [.. opened.Descriptor.Places.Where(place => place != replica.Place)];
    private readonly Lock gate = new();
    private readonly Dictionary<ReplicaPlace, PresentationReply> answers = [];
    private readonly Dictionary<ReplicaPlace, Task> asking = [];
    private readonly TaskCompletionSource accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Refused> refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource stopping = new();

    /// <summary>Finds out, for an opening that is not known as a member, whether its store was replaced.</summary>
    public Func<Task<Refused?>> FindSuccessor { get; init; } = static () => Task.FromResult<Refused?>(null);

    /// <summary>Completes when the opening may take part.</summary>
    public Task Accepted => accepted.Task;

    /// <summary>Completes when it must not, or no longer.</summary>
    public Task<Refused> Refused => refused.Task;

    /// <summary>What it waits for.</summary>
    public string Detail { get; private set; } = "";

    /// <summary>Begins.</summary>
    public void Start()
    {
        Judge(static _ => { });
        foreach (var other in others)
        {
            PresentTo(other);
        }
    }

    /// <summary>Presents the opening to another replica, once more if it had accepted it: that one may have been opened over a store that forgot.</summary>
    public void PresentTo(ReplicaPlace other)
    {
        if (others.Contains(other) && (!asking.TryGetValue(other, out var running) || running.IsCompleted))
        {
            asking[other] = AskUntilAcceptedAsync(other);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await Task.WhenAll(asking.Values);
        stopping.Dispose();
    }

    private async Task AskUntilAcceptedAsync(ReplicaPlace other)
    {
        try
        {
            while (!refused.Task.IsCompleted)
            {
                if (await AskAsync(other) is { } reply)
                {
                    await TakeAsync(other, reply);
                    if (reply.Verdict == PresentationVerdict.Accepted && accepted.Task.IsCompleted)
                    {
                        return;
                    }
                }

                else
                {
                    // Whom it followed when it answered is not whom it follows now, if it is there at all.
                    Judge(known =>
                    {
                        if (known.TryGetValue(other, out var earlier))
                        {
                            known[other] = earlier with { Leader = null, LeaderOrdinal = 0 };
                        }
                    });
                }

                await Task.Delay(accepted.Task.IsCompleted ? AcceptedRetry : WaitingRetry, time, stopping.Token);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The opening ended.
        }
        catch (Exception exception)
        {
            // The store failed, or a later opening of it exists.
            refused.TrySetResult(new(exception.Message));
        }
    }

    // Null: no answer.
    private async Task<PresentationReply?> AskAsync(ReplicaPlace other)
    {
        var peerAddress = ReplicaAddress.Of(replica.Shard, other);
        if (!links.TryGetLink(other.Datacenter, out var link) || !link.TryGetGrain<IReplicaPeerGrain>(peerAddress.ToString(), out var peer))
        {
            return null;
        }

        try
        {
            var reply = await peer.PresentAsync(replica.Datacenter, presentation, credential).WaitAsync(CallTimeout, time, stopping.Token);
            var peerMember = GroupMember.Of(replica.Shard, other.Datacenter, reply.Member, reply.StoreId);
            var home = await records.GetHomeAsync(peerMember) ?? await records.RememberHomeAsync(peerMember, reply.StoreId);
            return home == reply.StoreId ? reply with { IsNewcomer = reply.IsNewcomer || IsUnknown(peerMember.Id) } : new(
                reply.StoreId, PresentationVerdict.Foreign, $"replica {peerAddress} is on store {reply.StoreId}, and its home as known here is store {home}", null);
        }
        catch (Exception exception) when (!stopping.IsCancellationRequested)
        {
            LogNoAnswer(logger, replica, other, exception.Message);
            return null;
        }
    }

    // What this store knows of the group has another member in the peer's place: the peer was replaced, or came in the place of one, and of
    // the two only the one that has the vote has heard what counts.
    private bool IsUnknown(ReplicaId peer) => opened.Configuration is { Voters.Length: > 0 } group && !group.IsVoter(peer);

    private async Task TakeAsync(ReplicaPlace other, PresentationReply reply)
    {
        if (reply.Verdict == PresentationVerdict.Superseded)
        {
            // Throws when the store knows of a later opening too. If it does not, it has forgotten it.
            await opened.Storage.ConfirmEpochAsync();
            var detail = $"store {records.StoreId} of replica {replica} was rolled back: {reply.Detail}. It must not vote again; replace the replica";
            reply = reply with { Verdict = PresentationVerdict.RolledBack, Detail = detail };
        }

        if (reply.Verdict == PresentationVerdict.NotAMember && await FindSuccessor() is { } replaced)
        {
            refused.TrySetResult(replaced);
            return;
        }

        try
        {
            if (reply.Verdict == PresentationVerdict.RolledBack)
            {
                metrics.RollbacksSeen.Add(1);
                LogRolledBack(logger, replica, other, reply.Detail);
                await records.AddRolledBackAsync(replica, records.StoreId, reply.Detail);
            }
        }
        finally
        {
            Judge(known => known[other] = reply);
        }
    }

    private void Judge(Action<Dictionary<ReplicaPlace, PresentationReply>> learn)
    {
        lock (gate)
        {
            learn(answers);
            var (outcome, detail) = PresentationAnswers.Judge(others, answers);
            Detail = detail;
            if (outcome == PresentationOutcome.Refused)
            {
                refused.TrySetResult(new(detail));
            }
            else if (outcome == PresentationOutcome.Accepted)
            {
                accepted.TrySetResult();
            }
        }
    }

    [LoggerMessage(1141, LogLevel.Debug, "Replica {Replica}: no answer from {Other} to its presentation: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, ReplicaAddress replica, ReplicaPlace other, string reason);

    [LoggerMessage(1142, LogLevel.Error, "Replica {Replica} will not vote again, by the word of {Other}: {Detail}")]
    private static partial void LogRolledBack(ILogger logger, ReplicaAddress replica, ReplicaPlace other, string detail);
}
