using System.Diagnostics;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Tests.Replication;
using MultiDc.Server.Watching;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Watching;

public sealed class PumpWatchTests(ITestOutputHelper output)
{
    private static readonly WatchFilter All = WatchFilter.Prefix(default);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private static readonly ReplicaPumpOptions SmallLog = new() { CompactAfterBytes = 3_000, KeepEntries = 4, SnapshotChunkBytes = 500 };

    [Fact]
    public void All_replicas_tell_the_same_and_it_is_what_was_written()
    {
        using var group = new PumpGroup();
        var session = group.OpenSession(group.ElectLeader());
        var expected = new List<string>();
        var random = new SeededRandomSource(3);
        var versions = new Dictionary<string, (ulong Version, ulong Revision)>();
        for (var i = 1UL; i <= 200; i++)
        {
            var key = $"k{random.Next(0, 8)}";
            var before = versions.GetValueOrDefault(key);
            var deletes = random.Next(0, 4) == 0;
            var written = group.Settled(PumpGroup.Propose(group.Leader, deletes
                ? new WriteCommand(session, new(i), new DeleteOperation(Writes.Bytes(key)))
                : Writes.Put(session, i, key, $"v{i}"))).Result;
            var revision = Assert.IsType<Applied>(written).Revision.Value;
            if (!deletes || before.Version > 0)
            {
                expected.Add($"{revision}: {key}={(deletes ? "gone" : $"v{i}/{before.Version + 1}")} after {(before.Version > 0 ? before.Revision : null)}");
            }

            versions[key] = deletes ? default : (before.Version + 1, revision);
            if (i % 25 == 0)
            {
                Assert.True(group.Settled(group.Leader.Pump!.TransferLeadershipAsync(group.Followers[0].Id)));
                group.ElectLeader();
            }
        }

        group.Tick(5);
        foreach (var replica in group.Replicas)
        {
            Assert.Equal(expected, Told(group, replica, new(0)));
            Assert.Equal(expected[100..], Told(group, replica, new(ulong.Parse(expected[99].Split(':')[0]))));
        }
    }

    [Fact]
    public void After_a_restart_the_history_begins_where_the_state_was_durable_and_says_so()
    {
        using var group = new PumpGroup(options: SmallLog);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        for (var i = 1UL; i <= 60; i++)
        {
            Assert.IsType<Applied>(group.Put(leader, session, i, $"k{i}", new string('x', 100)));
        }

        var follower = group.Followers[0];
        group.Tick(5);
        var before = Told(group, follower, new(30));
        PumpGroup.Crash(follower);
        group.Start(follower);
        group.Tick(5);
        var history = follower.Pump!.History;
        Assert.InRange(history.CompactedTo.Value, 30UL, 65UL);
        Assert.Equal(group.Leader.Pump!.History.UpTo, history.UpTo);
        Assert.Equal(history.CompactedTo, group.SettledElsewhere(Watch(group, follower, All, history.CompactedTo.Value - 1)).CompactedTo);
        Assert.Equal(before.Where(line => ulong.Parse(line.Split(':')[0]) > history.CompactedTo.Value), Told(group, follower, history.CompactedTo));
    }

    [Fact]
    public void A_snapshot_tells_a_waiting_watcher_that_the_changes_it_waits_for_are_not_known_here()
    {
        using var group = new PumpGroup(options: SmallLog);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Put(leader, session, 1, "k", "v");
        group.Tick(5);
        var lagging = group.Followers[0];
        var waiting = Watch(group, lagging, All, lagging.Pump!.History.UpTo.Value, Patience);
        group.Run();
        Assert.False(waiting.IsCompleted);
        group.Network.CutOff.Add(lagging.Address.Datacenter);
        group.Tick(30, group.Replicas.Where(r => r != lagging));
        for (var i = 2UL; i <= 80; i++)
        {
            group.Put(leader, session, i, $"k{i}", new string('x', 100));
        }

        Assert.False(waiting.IsCompleted);
        group.Network.CutOff.Clear();
        group.Tick(15);
        Assert.Contains(group.Network.Sent, static p => p.Chunk is not null);
        Assert.Equal(lagging.Pump.History.CompactedTo, group.SettledElsewhere(waiting).CompactedTo);
        Assert.Equal(leader.Pump!.Status.Applied.Value, lagging.Pump.History.UpTo.Value);
    }

    [Fact]
    public void A_watcher_at_a_follower_gets_what_is_applied_there_and_else_is_told_how_far_it_is()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Tick(5);
        var follower = group.Followers[0];
        var begun = group.SettledElsewhere(Watch(group, follower, WatchFilter.Key(Writes.Bytes("k")), null));
        Assert.Equal((0, null, null), (begun.Revisions.Count, begun.CompactedTo, begun.Rejection));

        var waiting = Watch(group, follower, WatchFilter.Key(Writes.Bytes("k")), begun.UpTo.Value, Patience);
        group.Put(leader, session, 1, "other", "v");
        group.Tick(5);
        Assert.False(waiting.IsCompleted);
        var revision = Assert.IsType<Applied>(group.Put(leader, session, 2, "k", "v")).Revision;
        group.Tick(5);
        var told = group.SettledElsewhere(waiting);
        Assert.Equal((revision, "v"), (Assert.Single(told.Revisions).Revision, Writes.Text(told.Revisions[0].Events[0].Entry!.Value)));

        waiting = Watch(group, follower, WatchFilter.Key(Writes.Bytes("k")), told.UpTo.Value, Patience);
        group.Put(leader, session, 3, "other", "v");
        group.Tick(5);
        group.Run();
        Assert.False(waiting.IsCompleted);
        var progress = AfterPatience(group, follower, waiting);
        Assert.Equal((0, null, leader.Pump!.Status.Applied.Value), (progress.Revisions.Count, progress.Rejection, progress.UpTo.Value));
    }

    [Fact]
    public void A_replica_that_is_cut_off_sends_its_watchers_elsewhere_but_tells_what_it_has()
    {
        using var group = new PumpGroup();
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Put(leader, session, 1, "k", "v");
        group.Tick(5);
        var follower = group.Followers[0];

        // It may have proved that it is fresh before it was cut off: not within a second of when nobody waits any more.
        var waiting = Watch(group, follower, All, follower.Pump!.History.UpTo.Value, Patience, maxStaleness: TimeSpan.FromSeconds(1));
        group.Run();
        group.Network.CutOff.Add(follower.Address.Datacenter);
        Assert.IsType<Applied>(group.Put(leader, session, 2, "k", "w"));
        Assert.Equal(RejectionReason.TooStale, AfterPatience(group, follower, waiting).Rejection?.Reason);
        Assert.Single(group.SettledElsewhere(Watch(group, follower, All, 0)).Revisions);

        // It lags: whoever has seen more elsewhere is sent on, too, and served when it has caught up.
        var further = leader.Pump!.History.UpTo.Value;
        Assert.Equal(RejectionReason.TooStale, group.SettledElsewhere(Watch(group, follower, All, further)).Rejection?.Reason);
        group.Network.CutOff.Clear();
        group.Tick(5);
        Assert.Null(group.SettledElsewhere(Watch(group, follower, All, further)).Rejection);
        var never = group.SettledElsewhere(Watch(group, follower, All, further + 100)).Rejection;
        Assert.Equal(RejectionReason.InvalidArgument, never?.Reason);
        output.WriteLine(never!.Detail);
    }

    [Fact]
    public void Who_has_no_state_or_has_stopped_or_has_too_many_watchers_refuses()
    {
        using var group = new PumpGroup(size: 4, founders: 3, witnesses: 1, history: new() { MaxWaiting = 2 });
        var leader = group.ElectLeader();
        var (witness, joiner) = (group.Replicas[2], group.Replicas[3]);
        Assert.Equal(RejectionReason.NotReady, group.SettledElsewhere(Watch(group, witness, All, null)).Rejection?.Reason);
        Assert.Equal(RejectionReason.NotReady, group.SettledElsewhere(Watch(group, joiner, All, null)).Rejection?.Reason);
        Assert.Equal(RejectionReason.InvalidArgument, group.SettledElsewhere(Watch(group, leader, WatchFilter.Key(default), null)).Rejection?.Reason);

        Task<WatchReply>[] waiting = [.. Enumerable.Range(0, 2).Select(_ => Watch(group, leader, All, leader.Pump!.History.UpTo.Value, Patience))];
        Assert.True(SpinWait.SpinUntil(() => leader.Pump!.History.Waiting == 2, TimeSpan.FromMinutes(1)));
        Assert.Equal(RejectionReason.Overloaded, group.SettledElsewhere(Watch(group, leader, All, leader.Pump!.History.UpTo.Value, Patience)).Rejection?.Reason);
        PumpGroup.Stop(leader);
        Assert.All(waiting, reply => Assert.Equal(RejectionReason.NotReady, group.SettledElsewhere(reply).Rejection?.Reason));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_watch_that_goes_on_elsewhere_misses_nothing_unless_that_is_broken_on_purpose(bool isBroken)
    {
        using var group = new PumpGroup(history: new() { UnsafeResumeFromNow = isBroken });
        var session = group.OpenSession(group.ElectLeader());
        var (seen, written, after) = (new List<ulong>(), new List<ulong>(), default(ulong?));
        var random = new SeededRandomSource(9);
        after = group.SettledElsewhere(Watch(group, group.Leader, All, null)).UpTo.Value;
        for (var i = 1UL; i <= 60; i++)
        {
            written.Add(Assert.IsType<Applied>(group.Put(group.Leader, session, i, "k", $"{i}")).Revision.Value);
            group.Tick(3);
            if (i % 3 == 0)
            {
                // The first request to each replica is without patience.
                var reply = group.SettledElsewhere(Watch(group, group.Replicas[random.Next(0, 3)], All, after));
                Assert.Null(reply.Rejection);
                seen.AddRange(reply.Revisions.Select(static r => r.Revision.Value));
                after = reply.UpTo.Value;
            }
        }

        Assert.Equal(!isBroken, written.SequenceEqual(seen));
    }

    [Fact]
    public void One_stuck_watcher_holds_up_none_of_a_thousand_others()
    {
        Run(withStuck: true);
        var alone = Run(withStuck: false);
        var beside = Run(withStuck: true);
        output.WriteLine($"1,000 watchers beside a stuck one: {beside.TotalMilliseconds:0} ms for 40 writes, without it {alone.TotalMilliseconds:0} ms, ratio {beside / alone:0.00}");

        TimeSpan Run(bool withStuck)
        {
            using var group = new PumpGroup(history: new() { MaxBytes = 20_000 });
            var leader = group.ElectLeader();
            var session = group.OpenSession(leader);
            var begun = leader.Pump!.History.UpTo;
            var spent = TimeSpan.Zero;
            var after = begun;
            for (var i = 1UL; i <= 40; i++)
            {
                Task<WatchReply>[] healthy = [.. Enumerable.Range(0, 1000).Select(w => Watch(group, leader, w % 2 == 0 ? All : WatchFilter.Key(Writes.Bytes("k")), after.Value, Patience))];
                var startedAt = Stopwatch.GetTimestamp();
                var revision = Assert.IsType<Applied>(group.Put(leader, session, i, "k", new string('x', 1000))).Revision;
                Assert.All(healthy, reply => Assert.Equal(revision, Assert.Single(group.SettledElsewhere(reply).Revisions).Revision));
                spent += Stopwatch.GetElapsedTime(startedAt);
                after = revision;
                Assert.InRange(leader.Pump.History.Bytes, 0, 20_000);
            }

            if (withStuck)
            {
                // It had its page before the first write and never came for the next: nothing was kept for it.
                var late = group.SettledElsewhere(Watch(group, leader, All, begun.Value));
                Assert.Equal(leader.Pump.History.CompactedTo, late.CompactedTo);
                Assert.True(late.CompactedTo!.Value.Value > begun.Value);
            }

            return spent;
        }
    }

    private readonly Dictionary<ReplicaPump, StateFreshness> freshnesses = [];

    private Task<WatchReply> Watch(PumpGroup group, Replica at, WatchFilter filter, ulong? after, TimeSpan patience = default, TimeSpan? maxStaleness = null)
    {
        var pump = at.Pump!;
        var freshness = freshnesses.TryGetValue(pump, out var known) ? known : freshnesses[pump] = new(
            _ => group.Network.CutOff.Contains(at.Address.Datacenter) ? Task.FromResult<LogIndex?>(null)
                : group.Leader.Pump!.ReadAsync<LogIndex?>(static state => ValueTask.FromResult<LogIndex?>(state.Applied), static _ => null),
            index => pump.WaitUntilAppliedAsync(index, TimeSpan.FromSeconds(2)),
            at.Time);
        return Task.Run(() => new ReplicaWatches(at.Address, pump, freshness, at.Time, group.Metrics)
            .WatchAsync(new(filter, after is { } revision ? new(revision) : null, 10_000, maxStaleness ?? TimeSpan.FromSeconds(10), patience, TimeSpan.FromSeconds(1))));
    }

    // The watcher may begin to wait a little later than it was told to.
    private static WatchReply AfterPatience(PumpGroup group, Replica at, Task<WatchReply> waiting)
    {
        for (var i = 0; i < 10_000 && !waiting.IsCompleted; i++)
        {
            at.Time.Advance(Patience / 40);
            group.Run();
            Thread.Sleep(1);
        }

        return PumpGroup.Done(waiting);
    }

    private List<string> Told(PumpGroup group, Replica at, Revision after)
    {
        var told = new List<string>();
        while (true)
        {
            var reply = group.SettledElsewhere(Watch(group, at, All, after.Value));
            Assert.Null(reply.Rejection);
            Assert.Null(reply.CompactedTo);
            told.AddRange(from revision in reply.Revisions
                          from change in revision.Events
                          select $"{revision.Revision}: {Writes.Text(change.Key)}={(change.Entry is { } e ? $"{Writes.Text(e.Value)}/{e.Version}" : "gone")} after {change.PreviousRevision}");
            if (reply.Revisions.Count == 0)
            {
                return told;
            }

            after = reply.UpTo;
        }
    }
}
