using MultiDc.Host.Drills;
using MultiDc.Linearizability;

namespace MultiDc.Host.Tests.Drills;

/// <summary>What a drill makes of a history and of the replicas' own accounts.</summary>
public sealed class DrillFiguresTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void A_pause_is_the_longest_time_between_answers_after_the_fault_began()
    {
        var pauses = new Pauses([Put(1), Put(9), Put(10), Put(13), Put(14), Put(30)], 1, static _ => true);
        Assert.Equal(3, pauses.Longest([0], 10 * Second, 14 * Second).TotalSeconds);

        // Silence before the fault is the load's, and one that lasts to the end counts.
        Assert.Equal(1, pauses.Longest([0], 8 * Second, 10 * Second).TotalSeconds);
        Assert.Equal(6, pauses.Longest([0], 13 * Second, 20 * Second).TotalSeconds);
        Assert.Equal(0, pauses.Longest([], 0, 20 * Second).TotalSeconds);
    }

    [Fact]
    public void The_worst_shard_counts_and_only_answers_that_are_asked_for()
    {
        string KeyOf(int shard) => Enumerable.Range(0, 1_000).Select(static i => $"k{i}").First(key => Pauses.ShardOf(key, 2) == shard);
        Operation[] history = [.. Enumerable.Range(1, 10).Select(at => Put(at, KeyOf(0))), Put(1, KeyOf(1)), Put(8, KeyOf(1)), Put(5, KeyOf(1)) with { Result = OperationResult.Fail }];
        Assert.Equal(7, new Pauses(history, 2, static _ => true).Longest([0, 1], Second, 10 * Second).TotalSeconds);
        Assert.Equal(9, new Pauses(history, 2, static o => o.Kind == OperationKind.Get).Longest([0], Second, 10 * Second).TotalSeconds);
    }

    [Fact]
    public void Stale_reads_are_counted_by_whose_replica_served_them_also_after_they_were_written_down()
    {
        var served = new StaleReads();
        foreach (var (at, isHome) in new[] { (1, true), (9, true), (10, false), (13, true), (14, false), (30, true) })
        {
            served.Add(at * Second, isHome);
        }

        var file = Path.GetTempFileName();
        try
        {
            served.Write(file);
            var read = StaleReads.Read(file);
            Assert.Equal(served.Served, read.Served);
            Assert.Equal((3, 1), read.CountBetween(9 * Second, 14 * Second));
            Assert.Equal(3, read.LongestPause(9 * Second, 14 * Second).TotalSeconds);
            Assert.Equal(16, read.LongestPause(14 * Second, 30 * Second).TotalSeconds);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void What_the_next_fault_causes_is_no_healing_of_the_one_before()
    {
        var text = Report(
            DrillKind.Flapping,
            [new("first", "a", [0], 5 * Second, 10 * Second), new("second", "a", [0], 14 * Second, 20 * Second)]);
        Assert.Contains("first: writes paused 1.00 s, reads 5.00 s; after healing writes 1.00 s", text);
        Assert.Contains("second: writes paused 6.00 s, reads 6.00 s; after healing writes 5.00 s", text);
    }

    [Fact]
    public void A_witness_that_was_lost_has_no_clients_whose_reads_could_pause()
    {
        var text = Report(DrillKind.WitnessLoss, [new("the witness dies", "w", [0], 5 * Second, 10 * Second)]);
        Assert.Contains("the witness dies: writes paused 1.00 s", text);
        Assert.Contains("stale reads  in the datacenter that was hit: paused p50 0.00 s", text);
    }

    private static string Report(DrillKind kind, MadeFault[] faults)
    {
        using var text = new StringWriter();
        new DrillReport
        {
            Kind = kind,
            Datacenters = ["a"],
            History = [.. Enumerable.Range(1, 14).Concat([20, 21, 22, 23, 24, 29]).Select(static at => Put(at))],
            StaleReads = new Dictionary<string, StaleReads> { ["a"] = new() },
            ReadFrom = 60 * Second,
            Faults = faults,
            Restarted = [],
            Refills = [],
            Shards = 1,
            Elections = 0,
            LeaderOf = new Dictionary<int, string>(),
            LongestOverrun = TimeSpan.Zero,
            NearestRoundTripMs = new Dictionary<string, double>(),
        }.Write(text);
        return text.ToString();
    }

    [Fact]
    public void A_system_is_whole_when_every_replica_runs_follows_and_has_caught_up()
    {
        string[] whole = [Replica("dc1", "Leader", 3, 500), Replica("dc2", "Follower", 3, 490), Replica("dc3", "Follower", 3, 480)];
        var view = View(whole);
        Assert.True(view.IsWhole(3));
        Assert.Equal("dc1", view.Leading(["dc1", "dc2", "dc3"]));
        Assert.Equal("dc1-a", view.LeadingSilo("dc1").Silo);
        Assert.Equal(3UL, view.Terms);
        Assert.Equal([0], view.On("dc1-a"));
        Assert.False(ReplicaView.Parse("").IsWhole(3));
        Assert.False(View(whole[..2]).IsWhole(3));
        Assert.False(View([.. whole[..2], Replica("dc3", "Follower", 3, 400)]).IsWhole(3));
        Assert.False(View([.. whole[..2], Replica("dc3", "Follower", 3, 500, "unreachable")]).IsWhole(3));

        // The ring's replicas count as well: with too few of them no lost store is replaced.
        Assert.False(ReplicaView.Parse(string.Join('\n', [Ring, .. whole, .. RingReplicas[..2]])).IsWhole(3));
        Assert.False(ReplicaView.Parse(string.Join('\n', [Ring, .. whole, .. RingReplicas[..2], Replica("dc3", "Follower", 1, 500, "joining", "multidc.ring/0")])).IsWhole(3));

        // A deposed leader that does not know it yet does not count.
        Assert.Equal("dc3", View([.. whole[..2], Replica("dc3", "Leader", 4, 500)]).LeaderOf[0]);
    }

    private static string[] RingReplicas => [.. new[] { "dc1", "dc2", "dc3" }.Select(static dc => Replica(dc, "Follower", 1, 500, shard: "multidc.ring/0"))];

    private static ReplicaView View(IEnumerable<string> replicas) => ReplicaView.Parse(string.Join('\n', [Ring, .. RingReplicas, .. replicas]));

    private const string Ring = """{"type":"ring","version":2,"members":[],"keyspaces":[{"name":"default","shardCount":1,"datacenters":["dc1","dc2","dc3"]}]}""";

    private static string Replica(string datacenter, string role, int term, int applied, string state = "running", string shard = "default/0") =>
        $$"""{"type":"replica","replica":"{{shard}}@{{datacenter}}","silo":"{{datacenter}}-a","state":"{{state}}","detail":"","role":"{{role}}","term":{{term}},"leader":"dc1","commitIndex":500,"appliedIndex":{{applied}},"lastIndex":500,"epoch":1}""";

    private static Operation Put(long atSeconds, string key = "k0") => new()
    {
        Client = 1, Kind = OperationKind.Put, Key = key, Value = "v", Start = (atSeconds * Second) - 1, End = atSeconds * Second, Result = OperationResult.Ok,
    };
}
