using MultiDc.Grains;
using MultiDc.Linearizability;
using MultiDc.Routing.Shards;
using MultiDc.Server.StateMachine;

namespace MultiDc.Simulation;

/// <summary>
/// A client in one datacenter, one operation at a time: finds the leader and retries as the shard router does, by the router's own rules
/// (<see cref="LeaderSearch"/>, <see cref="AttemptDecision"/>): the same session and sequence after Unknown, a deadline, and Unknown never
/// told as something else. Everything it learns goes into the history.
/// </summary>
internal sealed class SimulatedClient(SimulatedWorld world, int number, int endpoint, DatacenterId nearest, bool isPatient, ClientWorkload workload, RunRandom random)
{
    // As in ShardRouterOptions and ShardRequest.
    private static readonly TimeSpan ReplyAllowance = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MinBackoff = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan MaxBackoff = TimeSpan.FromMilliseconds(100);

    private readonly TimeSpan patience = isPatient ? TimeSpan.FromMinutes(5) : world.Plan.Workload.Patience;
    private ClientOperation? current;
    private LeaderSearch search = null!;
    private IReadOnlyList<DatacenterId> asking = [];
    private DatacenterId? leaderSeen;
    private SessionId? session;
    private ulong lastSequence;
    private SessionSequence? sequence;
    private TimeSpan beganAt;
    private TimeSpan backoff;
    private bool hasReopened;
    private bool mayHaveHappened;
    private bool isOpeningSession;
    private int attempt;
    private int attempts;
    private bool isAnswered = true;

    public int Number => number;

    public int Endpoint => endpoint;

    public bool IsIdle => current is null;

    /// <summary>Does its operations one after the other until the run says that it is enough.</summary>
    public void Begin()
    {
        if (world.ClientsMayBegin)
        {
            BeginOne();
        }
    }

    /// <summary>Begins an operation unless one is under way.</summary>
    public void BeginOne()
    {
        if (current is not null)
        {
            return;
        }

        current = workload.Next();
        beganAt = world.Events.Now;
        BeginSearch();
        (backoff, hasReopened, mayHaveHappened, sequence, attempts) = (MinBackoff, false, false, null, 0);
        Attempt();
    }

    /// <summary>An answer has come, perhaps to an attempt that was given up.</summary>
    public void Take(int toAttempt, ClientReply reply)
    {
        if (toAttempt != attempt || isAnswered)
        {
            return;
        }

        isAnswered = true;
        if (current!.Kind == OperationKind.Get)
        {
            TakeRead(reply.Read!);
        }
        else if (isOpeningSession)
        {
            TakeSession(reply);
        }
        else
        {
            TakeOutcome(reply.Outcome!);
        }
    }

    public override string ToString() => $"client {number}";

    private void BeginSearch()
    {
        asking = world.ReplicaNames;
        search = new([.. asking.Select(static name => new ReplicaPlace(name))], nearest, leaderSeen, static _ => true);
    }

    private TimeSpan Remaining => beganAt + patience - world.Events.Now;

    private void Attempt()
    {
        attempt++;
        attempts++;
        isAnswered = false;
        isOpeningSession = current!.Kind != OperationKind.Get && session is null;
        if (session is not null && current.Kind != OperationKind.Get)
        {
            sequence ??= new(++lastSequence);
        }

        var mine = attempt;
        var to = world.ReplicaNamed(search.Current.Datacenter);
        world.Network.Send(endpoint, to.Number, new RequestParcel(world, this, attempt, to)
        {
            Command = current.Kind == OperationKind.Get ? null : isOpeningSession ? OpenSessionCommand.Instance : current.Command(session!.Value, sequence!.Value),
            Key = current.KeyBytes,
            MustSee = current.MustSee,
        });
        var wait = (Remaining < world.Plan.Workload.AttemptTimeout ? Remaining : world.Plan.Workload.AttemptTimeout) + ReplyAllowance;
        world.Events.After(wait, () => Take(mine, NoAnswer));
    }

    private static ClientReply NoAnswer { get; } =
        new(new Unknown("the replica did not answer"), null, new ReadRejected(RejectionReason.Unavailable, "the replica did not answer"));

    private void TakeOutcome(WriteResult outcome)
    {
        var action = AttemptDecision.Decide(outcome, mayHaveHappened);
        mayHaveHappened |= outcome is Unknown;
        if (outcome is Rejected { Reason: RejectionReason.SessionExpired })
        {
            session = null;
        }

        if (action == AttemptAction.Return)
        {
            leaderSeen = search.Current.Datacenter;
            End(AttemptDecision.Conclude(outcome, mayHaveHappened));
        }
        else
        {
            PrepareNext(action, (outcome as Rejected)?.Leader, () => End(AttemptDecision.Conclude(outcome, mayHaveHappened)));
        }
    }

    private void TakeSession(ClientReply reply)
    {
        if (reply.Session is { } opened)
        {
            (session, lastSequence, sequence) = (opened, 0, null);
            Attempt();
            return;
        }

        // The write itself was not sent yet, whatever became of the session.
        var action = AttemptDecision.Decide(reply.Outcome!, mayHaveHappened: false);
        if (action == AttemptAction.Return)
        {
            End(AttemptDecision.Conclude(reply.Outcome!, mayHaveHappened: false));
        }
        else
        {
            PrepareNext(action, (reply.Outcome as Rejected)?.Leader, () => End(new Rejected(RejectionReason.Unavailable, "no session before the deadline")));
        }
    }

    private void TakeRead(ReadResult result)
    {
        switch (result)
        {
            case ReadServed served:
                leaderSeen = search.Current.Datacenter;
                End(OperationResult.Ok, served.Entry is { } entry ? System.Text.Encoding.UTF8.GetString(entry.Value.Span) : null);
                break;
            case ReadRejected { Reason: RejectionReason.Overloaded } rejected:
                PrepareNext(AttemptAction.BackOff, rejected.Leader, () => End(OperationResult.Fail, null));
                break;
            case ReadRejected rejected:
                world.RareEvents.HitIf(rejected.Detail == "this replica lost the leadership", RareEvent.ReadLost);
                PrepareNext(AttemptAction.TryNext, rejected.Leader, () => End(OperationResult.Fail, null));
                break;
        }
    }

    private void PrepareNext(AttemptAction action, DatacenterId? hint, Action giveUp)
    {
        world.RareEvents.HitIf(action == AttemptAction.BackOff, RareEvent.RequestOverloaded);
        var atOnce = action == AttemptAction.ReopenSession && !hasReopened;
        hasReopened |= action == AttemptAction.ReopenSession;
        if (action == AttemptAction.TryNext)
        {
            leaderSeen = leaderSeen == search.Current.Datacenter ? null : leaderSeen;
            atOnce = search.MoveNext(hint);
            if (!atOnce && !asking.SequenceEqual(world.ReplicaNames))
            {
                // The places of a keyspace's replicas are for good; those of a group in here are not, and who is patient outlives them.
                BeginSearch();
            }
        }

        var pause = atOnce ? TimeSpan.Zero : backoff * (0.5 + random.NextFraction());
        if (!atOnce)
        {
            // A client that has waited long asks less often, or an outage of a minute would cost a thousand attempts.
            var longest = attempts > 30 ? 10 * MaxBackoff : MaxBackoff;
            backoff = backoff * 2 < longest ? backoff * 2 : longest;
        }

        if (pause >= Remaining)
        {
            giveUp();
        }
        else if (pause == TimeSpan.Zero)
        {
            Attempt();
        }
        else
        {
            world.Events.After(pause, Attempt);
        }
    }

    private void End(WriteResult outcome)
    {
        world.Acknowledgements.Take(this, current!, session, sequence, outcome);
        switch (outcome)
        {
            case Applied:
                world.RareEvents.HitIf(mayHaveHappened, RareEvent.RetryAnsweredFromSession);
                End(OperationResult.Ok, current!.Kind == OperationKind.Cas ? "true" : null);
                break;
            case Rejected { Reason: RejectionReason.PreconditionFailed }:
                End(OperationResult.Ok, "false");
                break;
            case Unknown:
                world.RareEvents.Hit(RareEvent.OutcomeUnknown);
                End(OperationResult.Unknown, null);
                break;
            case Rejected { Reason: RejectionReason.InvalidArgument or RejectionReason.WrongShard } rejected:
                world.Violations.Report("Client", $"{this} was answered with {rejected}");
                break;
            default:
                world.RareEvents.Hit(RareEvent.WriteFailed);
                End(OperationResult.Fail, null);
                break;
        }
    }

    private void End(OperationResult result, string? output)
    {
        var ended = current!;
        current = null;
        world.Digest.Add(DigestTag.Client, (ulong)number, (ulong)result);
        world.Conversation.Tell($"{this}: {ended} ended {result} {output}");
        workload.Ended(ended, result, output);
        world.History.Add(ended.Operation with
        {
            Client = number,
            Start = beganAt.Ticks * TimeSpan.NanosecondsPerTick,
            End = result == OperationResult.Unknown ? null : world.Events.Now.Ticks * TimeSpan.NanosecondsPerTick,
            Result = result,
            Output = output,
        });
        world.OperationEnded(result);
        world.Events.After(world.NextPause(random), Begin);
    }
}
