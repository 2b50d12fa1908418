using System.Globalization;
using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>
/// Scripted conversations between replicas. Nothing happens but what the script says. Timeouts are the shortest the rules allow, since
/// the script decides whose clock runs.
/// </summary>
public sealed class ScenarioTests
{
    private readonly SortedDictionary<ReplicaId, (RaftNode? Node, Disk Disk)> replicas = [];
    private readonly List<RaftMessage> network = [];
    private readonly StringBuilder output = new();
    private readonly HashSet<ReplicaId> cutOff = [];
    private GroupConfiguration configuration = new([new ReplicaId(1)]);
    private RaftNodeOptions options = new() { Id = new ReplicaId(1), ElectionTimeoutTicks = 10, HeartbeatTicks = 1 };

    public static TheoryData<string> Scripts =>
        [.. Directory.EnumerateFiles(SourceFolder.Of("Scenarios"), "*.txt").Select(path => Path.GetFileNameWithoutExtension(path)!).Order()];

    [Theory]
    [MemberData(nameof(Scripts))]
    public void Scenario(string name) => DataDriven.Run(Path.Combine(SourceFolder.Of("Scenarios"), name + ".txt"), (command, args) =>
    {
        output.Clear();
        Execute(command, args);
        foreach (var (node, _) in replicas.Values)
        {
            node?.Check();
        }

        return output.ToString();
    });

    private void Execute(string command, string[] args)
    {
        switch (command)
        {
            case "group":
                Found(int.Parse(args[0]), args[1..]);
                break;
            case "log":
                Preload(args);
                break;
            case "tick":
                for (var i = 0; i < (args.Length > 1 ? int.Parse(args[1]) : 1); i++)
                {
                    Node(args[0]).Tick();
                }

                break;
            case "propose":
                var proposal = Node(args[0]).Propose(Encoding.UTF8.GetBytes(args[1]));
                output.Append(proposal.Accepted ? "" : $"refused: {proposal.Refusal}\n");
                break;
            case "read":
                var refusal = Node(args[0]).ReadIndex(new ReadRequestId(ulong.Parse(args[1])));
                output.Append(refusal == ProposalRefusal.None ? "" : $"refused: {refusal}\n");
                break;
            case "transfer":
                output.Append(Node(args[0]).TransferLeadership(Id(args[1])) ? "" : "refused\n");
                break;
            case "change":
                Change(args);
                break;
            case "leave-joint":
                Print(Node(args[0]).ProposeLeaveJoint());
                break;
            case "join":
                Start(Id(args[0]), new Disk(GroupConfiguration.None));
                break;
            case "configuration":
                output.Append(Node(args[0]).Configuration).Append('\n');
                break;
            case "clock":
                foreach (var id in args[1..])
                {
                    Node(id).ObserveTime(Milliseconds(args[0]));
                }

                break;
            case "lease":
                output.Append(Node(args[0]).LeaseHolds(Milliseconds(args[1])) ? "holds\n" : "does not hold\n");
                break;
            case "wake":
                Node(args[0]).Wake();
                break;
            case "forget-leader":
                Node(args[0]).ForgetLeader();
                break;
            case "unreachable":
                Node(args[0]).ReportUnreachable(Id(args[1]));
                break;
            case "compact":
                var snapshot = Node(args[0]).SnapshotAt(Index(args[1]));
                replicas[Id(args[0])].Disk.CompactTo(snapshot);
                Node(args[0]).CompactTo(Index(args[1]));
                break;
            case "snapshot":
                StreamSnapshot(Id(args[0]), Id(args[1]));
                break;
            case "snapshot-failed":
                Node(args[0]).ReportSnapshot(Id(args[1]), delivered: false);
                break;
            case "crash":
                replicas[Id(args[0])] = (null, replicas[Id(args[0])].Disk);
                break;
            case "restart":
                Start(Id(args[0]), replicas[Id(args[0])].Disk);
                break;
            case "cut":
                cutOff.UnionWith(args.Select(Id));
                break;
            case "heal":
                cutOff.Clear();
                break;
            case "ready":
                CarryOut(Id(args[0]));
                break;
            case "deliver":
                Deliver(Select(args));
                break;
            case "drop":
                Select(args).ForEach(message => network.Remove(message));
                break;
            case "drop-all":
                replicas.Keys.ToList().ForEach(id => CarryOut(id));
                network.Clear();
                output.Clear();
                break;
            case "double":
                network.AddRange(Select(args));
                break;
            case "network":
                network.ForEach(message => output.Append(Conversation.Of(message)).Append('\n'));
                break;
            case "stabilize":
                Stabilize();
                break;
            case "status":
                output.Append(Node(args[0]).Describe()).Append('\n');
                break;
            default:
                throw new ArgumentException($"unknown command {command}");
        }
    }

    /// <summary>"change 1 [explicit|implicit] +4 ~5 w6 -2": a voter, a learner, a witness, removed.</summary>
    private void Change(string[] args)
    {
        var transition = args[1] switch
        {
            "explicit" => ConfigurationTransition.JointExplicit,
            "implicit" => ConfigurationTransition.JointImplicit,
            _ => ConfigurationTransition.Auto,
        };
        var changes = args[(transition == ConfigurationTransition.Auto ? 1 : 2)..].Select(word => new ConfigurationChange(
            word[0] switch
            {
                '+' => ConfigurationChangeKind.AddVoter,
                '~' => ConfigurationChangeKind.AddLearner,
                'w' => ConfigurationChangeKind.AddWitness,
                _ => ConfigurationChangeKind.Remove,
            },
            Id(word[1..])));
        Print(Node(args[0]).ProposeConfiguration([.. changes], transition));
    }

    private void Print(ProposalResult proposal) =>
        output.Append(proposal.Accepted ? "" : $"refused: {proposal.Refusal}{(proposal.Detail is null ? "" : $": {proposal.Detail}")}\n");

    private void Found(int size, string[] settings)
    {
        configuration = new GroupConfiguration(Enumerable.Range(1, size).Select(id => new ReplicaId((ulong)id)));
        foreach (var setting in settings)
        {
            var (name, value) = (setting.Split('=')[0], int.Parse(setting.Split('=')[1], CultureInfo.InvariantCulture));
            options = name switch
            {
                "append" => options with { MaxAppendBytes = value },
                "inflight" => options with { MaxInflightAppends = value },
                "inflight-bytes" => options with { MaxInflightBytes = value },
                "uncommitted" => options with { MaxUncommittedBytes = value },
                "catchup" => options with { CatchUpEntries = value },
                "apply" => options with { MaxApplyBytes = value },
                "quiesce" => options with { QuiesceAfterTicks = value },
                "lease" => options with { Lease = LeaseWithTicksOf(value) },
                _ => throw new ArgumentException($"unknown setting {name}"),
            };
        }

        foreach (var id in configuration.Voters)
        {
            Start(id, new Disk(configuration));
        }
    }

    /// <summary>A lease for the promise of eight ticks, less a fifth for drift; clocks must agree for three ticks.</summary>
    private static LeaseOptions LeaseWithTicksOf(long milliseconds) => new()
    {
        TickNanoseconds = milliseconds * 1_000_000,
        MaxDriftPpm = 250_000,
        MarginNanoseconds = 0,
        ClockWindowNanoseconds = 3 * milliseconds * 1_000_000,
    };

    /// <summary>Gives a replica a past: its term and entries, each as term/index.</summary>
    private void Preload(string[] args)
    {
        var disk = new Disk(configuration) { HardState = new HardState(new Term(ulong.Parse(args[1])), ReplicaId.None, LogIndex.Zero) };
        foreach (var id in args[2..].Select(word => word.Split('/')))
        {
            disk.Entries.Add(new LogEntry(new EntryId(new Term(ulong.Parse(id[0])), Index(id[1])), EntryKind.NoOp, default));
        }

        Start(Id(args[0]), disk);
    }

    private void Start(ReplicaId id, Disk disk) =>
        replicas[id] = (new RaftNode(options with { Id = id }, disk.Recover(), new ShortestTimeouts()), disk);

    private bool CarryOut(ReplicaId id)
    {
        var (node, disk) = replicas[id];
        if (node is null || !node.TryGetReady(out var ready))
        {
            return false;
        }

        Conversation.Print(output, id, ready);
        disk.Write(ready, replicas.Values.SelectMany(replica => Prefixes(replica.Disk.State)).DistinctBy(state => state.Key).ToDictionary());
        network.AddRange(ready.MessagesAfterPersist);
        disk.State.AddRange(ready.EntriesToApply.Select(entry => entry.Id));
        node.Advance();
        return true;
    }

    private static IEnumerable<KeyValuePair<EntryId, List<EntryId>>> Prefixes(List<EntryId> state) =>
        state.Select((id, at) => KeyValuePair.Create(id, state.Take(at + 1).ToList()));

    private void Deliver(List<RaftMessage> messages)
    {
        foreach (var message in messages)
        {
            network.Remove(message);
            var lost = cutOff.Contains(message.From) != cutOff.Contains(message.To);
            output.Append(Conversation.Of(message)).Append(lost ? " (lost)\n" : "\n");
            if (!lost)
            {
                replicas[message.To].Node?.Step(message);
            }
        }
    }

    /// <summary>Everybody acts and all messages arrive, in order, until nothing is left to do.</summary>
    private void Stabilize()
    {
        var acted = true;
        while (acted)
        {
            acted = false;
            foreach (var id in replicas.Keys.ToList())
            {
                while (CarryOut(id))
                {
                    acted = true;
                }
            }

            acted |= network.Count > 0;
            Deliver([.. network]);
        }
    }

    private void StreamSnapshot(ReplicaId from, ReplicaId to)
    {
        var sender = Node(from.ToString());
        Deliver([new SnapshotRequest(from, to, sender.Term, sender.SnapshotAt(sender.Applied))]);
        sender.ReportSnapshot(to, delivered: true);
    }

    /// <summary>Messages on their way: "1->2" all of that link, "1->2 last" only the latest, "1->2 first" only the oldest.</summary>
    private List<RaftMessage> Select(string[] args)
    {
        var link = args[0].Split("->");
        var all = network.Where(message => message.From == Id(link[0]) && message.To == Id(link[1])).ToList();
        Assert.True(all.Count > 0, $"nothing is on its way {args[0]}");
        return args.ElementAtOrDefault(1) switch
        {
            "last" => [all[^1]],
            "first" => [all[0]],
            _ => all,
        };
    }

    private RaftNode Node(string id) => replicas[Id(id)].Node ?? throw new InvalidOperationException($"{id} is down");

    private static ReplicaId Id(string id) => new(ulong.Parse(id));

    private static MonotonicTime Milliseconds(string ms) => new(long.Parse(ms) * 1_000_000);

    private static LogIndex Index(string index) => new(ulong.Parse(index));

    private sealed class ShortestTimeouts : IRandomSource
    {
        public int Next(int minInclusive, int maxExclusive) => minInclusive;
    }
}
