using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>
/// Carries out the commands of the interaction cases with our cores. What theirs can and ours cannot is done by the nearest means there is;
/// what remains different shows in the comparison.
/// </summary>
internal sealed class InteractionGroup
{
    private readonly List<RaftMessage> network = [];
    private readonly List<(RaftNode Core, Directive Directive)> waiting = [];

    /// <summary>By id, from 1.</summary>
    public List<InteractionReplica> Replicas { get; } = [];

    /// <summary>Whether a configuration change was refused because another was under way.</summary>
    public bool HasRefusedSecondChange { get; private set; }

    /// <summary>Whether a configuration change waits until its leader has committed an entry of its term.</summary>
    public bool HasWaitingChange => waiting.Count > 0;

    public void Execute(Directive directive)
    {
        switch (directive.Command)
        {
            case "add-nodes":
                AddNodes(directive);
                break;
            case "campaign":
                Of(directive.Numbers[0]).Campaign();
                break;
            case "compact":
                Of(directive.Numbers[0]).CompactTo(new LogIndex(directive.Numbers[1]));
                break;
            case "deliver-msgs":
                DeliverMessages(directive);
                break;
            case "process-ready":
                Chosen(directive).ForEach(replica => ProcessReady(replica));
                break;
            case "process-append-thread":
                Chosen(directive).ForEach(replica => network.AddRange(replica.ProcessAppendThread()));
                break;
            case "stabilize":
                Stabilize(Chosen(directive));
                break;
            case "tick-election":
                Of(directive.Numbers[0]).PassTicks(InteractionSettings.ElectionTicks);
                break;
            case "tick-heartbeat":
                Of(directive.Numbers[0]).PassTicks(1);
                break;
            case "set-randomized-election-timeout":
                Of(directive.Numbers[0]).SetElectionTimeout(int.Parse(directive.Value("timeout")!));
                break;
            case "transfer-leadership":
                Of(ulong.Parse(directive.Value("from")!)).Core.TransferLeadership(new ReplicaId(ulong.Parse(directive.Value("to")!)));
                break;
            case "forget-leader":
                Of(directive.Numbers[0]).ForgetLeader();
                break;
            case "send-snapshot":
                network.Add(Of(directive.Numbers[0]).SnapshotFor(new ReplicaId(directive.Numbers[1])));
                break;
            case "propose" or "propose-conf-change":
                Propose(Of(ulong.Parse(directive.Arguments[0].Key)).Core, directive);
                break;
            case "report-unreachable":
                Of(directive.Numbers[0]).Core.ReportUnreachable(new ReplicaId(directive.Numbers[1]));
                break;
            case "log-level" or "raft-log" or "raft-state" or "status" or "process-apply-thread" or "_breakpoint":
                // Only asks, or has no counterpart: applying is the host's business and decides nothing.
                break;
            default:
                throw new FormatException($"unknown command: {directive}");
        }
    }

    private void AddNodes(Directive directive)
    {
        var settings = new InteractionSettings
        {
            PreVote = directive.IsSet("prevote"),
            CheckQuorum = directive.IsSet("checkquorum"),
            AsyncStorageWrites = directive.IsSet("async-storage-writes"),
            LeaseBasedReads = directive.Value("read-only") == "lease-based",
            Inflight = directive.Value("inflight") is { } inflight ? int.Parse(inflight) : null,
            MaxApplyBytes = directive.Value("max-committed-size-per-ready") is { } bytes ? int.Parse(bytes) : null,
        };

        // Theirs starts with a snapshot of term 1 while the term is 0; ours does not start from a log that is newer than the term.
        var index = new LogIndex(ulong.Parse(directive.Value("index") ?? "0"));
        var start = new SnapshotMetadata(new EntryId(Term.Zero, index), FoundingConfiguration(directive));
        for (var i = 0UL; i < directive.Numbers[0]; i++)
        {
            Replicas.Add(new InteractionReplica(new ReplicaId((ulong)Replicas.Count + 1), start, settings));
        }
    }

    public static GroupConfiguration FoundingConfiguration(Directive directive) => GroupConfiguration.None with
    {
        Voters = [.. directive.Values("voters").Select(id => new ReplicaId(ulong.Parse(id)))],
        Learners = [.. directive.Values("learners").Select(id => new ReplicaId(ulong.Parse(id)))],
    };

    private void DeliverMessages(Directive directive)
    {
        var type = directive.Value("type");
        foreach (var id in directive.Numbers)
        {
            Deliver(Of(id), type);
        }

        foreach (var id in directive.Values("drop"))
        {
            network.RemoveAll(message => message.To.Value == ulong.Parse(id) && IsOfType(message, type));
        }
    }

    private bool ProcessReady(InteractionReplica replica)
    {
        network.AddRange(replica.ProcessReady(out var isEmpty));
        foreach (var again in waiting.Where(again => again.Core == replica.Core).ToArray())
        {
            waiting.Remove(again);
            Propose(again.Core, again.Directive);
        }

        return !isEmpty;
    }

    private bool Deliver(InteractionReplica to, string? type = null)
    {
        var messages = network.Where(message => message.To == to.Id && IsOfType(message, type)).ToArray();
        network.RemoveAll(messages.Contains);
        foreach (var message in messages)
        {
            if (message is ForwardedProposal proposal)
            {
                Propose(to.Core, proposal.Directive);
            }
            else
            {
                to.Step(message);
            }
        }

        return messages.Length > 0;
    }

    /// <summary>In turn, all chosen carry out one Ready, take what is there for them, and write, until nothing is left to do.</summary>
    private void Stabilize(List<InteractionReplica> chosen)
    {
        var acted = true;
        for (var round = 0; acted; round++)
        {
            Assert.True(round < 10_000, "the group does not come to rest");
            acted = chosen.Aggregate(false, (any, replica) => ProcessReady(replica) || any);
            acted = chosen.Aggregate(acted, (any, replica) => Deliver(replica) || any);
            foreach (var replica in chosen)
            {
                while (replica.HasAppendWork)
                {
                    network.AddRange(replica.ProcessAppendThread());
                    acted = true;
                }
            }
        }
    }

    /// <summary>Who does not lead passes a proposal on; in our product a client's next try goes to the leader.</summary>
    private void Propose(RaftNode core, Directive directive)
    {
        if (core.Role != RaftRole.Leader)
        {
            network.AddRange(core.Leader.IsNone ? [] : [new ForwardedProposal(core.Id, core.Leader, core.Term, directive)]);
        }
        else if (directive.Command == "propose")
        {
            core.Propose(Encoding.UTF8.GetBytes(directive.Arguments[1].Key));
        }
        else
        {
            ProposeConfiguration(core, directive);
        }
    }

    /// <summary>
    /// A change that comes before the leader has committed in its term is tried again, as a client would. Where theirs refuses a change it
    /// appends an empty entry in its place; the same here, so that indices stay comparable.
    /// </summary>
    private void ProposeConfiguration(RaftNode core, Directive directive)
    {
        if (!ConfigurationChangeCases.TryParse(directive.Input, out var changes, out var error))
        {
            throw new FormatException(error);
        }

        // Theirs goes through a joint configuration for any two changes, ours only when it must: asked for what theirs does.
        var transition = directive.Value("transition") switch
        {
            null or "auto" when changes.Count > 1 => ConfigurationTransition.JointImplicit,
            null or "auto" => ConfigurationTransition.Auto,
            "implicit" => ConfigurationTransition.JointImplicit,
            "explicit" => ConfigurationTransition.JointExplicit,
            var other => throw new FormatException($"unknown transition {other}"),
        };
        var leaves = directive.Input.Length == 0 && transition == ConfigurationTransition.Auto;
        var proposal = leaves ? core.ProposeLeaveJoint() : core.ProposeConfiguration(changes, transition);
        if (proposal.Refusal == ProposalRefusal.TermNotCommitted)
        {
            waiting.Add((core, directive));
        }
        else if (!proposal.Accepted)
        {
            HasRefusedSecondChange |= proposal.Refusal == ProposalRefusal.ConfigurationInProgress;
            core.Propose(Array.Empty<byte>());
        }
    }

    private List<InteractionReplica> Chosen(Directive directive) =>
        directive.Numbers.IsEmpty ? Replicas : [.. directive.Numbers.Select(Of)];

    private InteractionReplica Of(ulong id) => Replicas[(int)id - 1];

    /// <summary>Ours tells of a new commit index by a heartbeat where theirs sends an empty append.</summary>
    private static bool IsOfType(RaftMessage message, string? type) => type is null || type == message switch
    {
        PreVoteRequest => "MsgPreVote",
        PreVoteResponse => "MsgPreVoteResp",
        VoteRequest => "MsgVote",
        VoteResponse => "MsgVoteResp",
        AppendRequest => "MsgApp",
        AppendAccepted or AppendRejected => "MsgAppResp",
        HeartbeatRequest when type == "MsgApp" => "MsgApp",
        HeartbeatRequest => "MsgHeartbeat",
        HeartbeatResponse => "MsgHeartbeatResp",
        SnapshotRequest => "MsgSnap",
        TimeoutNowRequest => "MsgTimeoutNow",
        ForwardedProposal => "MsgProp",
        _ => "",
    };

    private sealed record ForwardedProposal(ReplicaId From, ReplicaId To, Term Term, Directive Directive) : RaftMessage(From, To, Term);
}
