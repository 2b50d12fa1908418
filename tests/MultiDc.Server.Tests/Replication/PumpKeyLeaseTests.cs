using System.Collections.Immutable;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Leases on keys end when their life is over, by the leader's clock and the log: never early, and not much later whoever leads.</summary>
public sealed class PumpKeyLeaseTests(ITestOutputHelper output)
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Heartbeat = 2 * TickInterval;
    private static readonly RaftNodeOptions Options = new() { Id = default, ElectionTimeoutTicks = 10, HeartbeatTicks = 2, TellCommitAtOnce = false };
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Ten_changes_of_leader_in_the_middle_of_a_lease_neither_shorten_nor_lengthen_it(int seed)
    {
        using var group = new PumpGroup(seed: (ulong)seed, nodeOptions: Options);
        var random = new SeededRandomSource((ulong)seed);
        var now = TimeSpan.Zero;
        var session = group.OpenSession(group.ElectLeader());
        Advance(random.Next(0, 7));
        var lease = new LeaseId(Applied(group, session, 1, new GrantLeaseOperation(Key, Ttl)).Revision.Value);
        Applied(group, session, 2, new PutOperation(Key, Key) { Lease = lease });
        Advance(200 + random.Next(0, 7));
        Assert.IsType<AppliedKeepAlive>(Applied(group, session, 3, new KeepAliveOperation(Key, [lease])));
        var end = now + Ttl;

        var greatest = TimeSpan.Zero;
        for (var change = 0; change < 10; change++)
        {
            var leader = group.Leader;
            if (change % 2 == 0)
            {
                group.Network.CutOff.Add(leader.Address.Datacenter);
            }
            else
            {
                var to = group.Followers[random.Next(0, 2)];
                leader.Pump!.TransferLeadershipAsync(to.Id);
            }

            for (var i = 0; i < 40 || group.Leader is null || group.Leader == leader; i++)
            {
                Assert.True(i < 200, "no other leader");
                Advance(1);
            }

            group.Network.CutOff.Clear();
            Advance(20 + random.Next(0, 3));
            var status = Lease(group, lease)!;
            var error = status.Remaining - (end - now);
            greatest = error > greatest ? error : greatest;
            Assert.True(error >= TimeSpan.Zero, $"early by {-error}");
            Assert.True(error < Heartbeat, $"late by {error}");
            Assert.Equal([Key.ToArray()], status.Keys.Select(static key => key.ToArray()));
        }

        while (group.ReadNow(group.Leader, "{l}k") is not null)
        {
            Assert.True(now <= end + Heartbeat + TickInterval, $"it lives at {now}, and should have ended at {end}");
            Advance(1);
        }

        output.WriteLine($"ended at {now}, due at {end}; the greatest error of the remaining time was {greatest.TotalMilliseconds} ms");
        Assert.True(now >= end, $"it ended at {now}, before {end}");
        Assert.Null(Lease(group, lease));

        void Advance(int ticks)
        {
            for (var i = 0; i < ticks; i++)
            {
                now += TickInterval;
                Pass(group, TickInterval);
            }
        }
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void A_leader_that_has_just_started_goes_on_where_the_others_are(bool wasLeader, bool isAlone)
    {
        using var group = new PumpGroup(nodeOptions: Options);
        var session = group.OpenSession(group.ElectLeader());
        var lease = new LeaseId(Applied(group, session, 1, new GrantLeaseOperation(Key, Ttl)).Revision.Value);
        Pass(group, TickInterval);
        foreach (var replica in group.Replicas)
        {
            Assert.True(replica.Storage.State.FlushAsync().AsTask().IsCompleted);
        }

        for (var ticks = 0; ticks < 400; ticks++)
        {
            Pass(group, TickInterval);
        }

        // The leader, or a follower that is made the leader: where nobody answers when it starts, it asks when it leads.
        var restarted = wasLeader ? group.Leader : group.Followers[0];
        PumpGroup.Crash(restarted);
        if (isAlone)
        {
            group.Network.CutOff.Add(restarted.Address.Datacenter);
        }

        group.Start(restarted);
        var passed = 401;
        for (; passed < 700; passed++)
        {
            Pass(group, TickInterval);
        }

        group.Network.CutOff.Clear();
        for (; group.Leader != restarted || restarted.Pump!.Status.Commit != restarted.Pump.Status.Last; passed++)
        {
            Assert.True(passed < 900, "it does not lead");
            if (passed % 50 == 0)
            {
                group.Leader.Pump!.TransferLeadershipAsync(restarted.Id);
            }

            Pass(group, TickInterval);
        }

        group.Run();
        var error = Lease(group, lease)!.Remaining - (Ttl - (passed * TickInterval));
        output.WriteLine($"the error was {error.TotalMilliseconds} ms");
        Assert.True(error >= TimeSpan.Zero, $"early by {-error}");
        Assert.True(error < Heartbeat, $"late by {error}");
    }

    [Fact]
    public void Replicas_that_start_one_after_another_lose_no_time_of_a_lease()
    {
        using var group = new PumpGroup(nodeOptions: Options);
        var session = group.OpenSession(group.ElectLeader());
        var lease = new LeaseId(Applied(group, session, 1, new GrantLeaseOperation(Key, Ttl)).Revision.Value);
        var passed = 0;
        for (; passed < 100; passed++)
        {
            Pass(group, TickInterval);
        }

        // The leader comes last: none of the others has led, and been asked for it, before it goes.
        foreach (var replica in group.Replicas.OrderBy(replica => replica == group.Leader).ToArray())
        {
            Assert.True(replica.Storage.State.FlushAsync().AsTask().IsCompleted);
            PumpGroup.Crash(replica);
            group.Start(replica);
            for (var ticks = 0; ticks < 200; ticks++, passed++)
            {
                Pass(group, TickInterval);
            }
        }

        var error = Lease(group, lease)!.Remaining - (Ttl - (passed * TickInterval));
        Assert.True(error >= TimeSpan.Zero, $"early by {-error}");
        Assert.True(error < Heartbeat, $"late by {error}");
    }

    [Fact]
    public void What_only_the_second_replica_of_a_datacenter_knows_of_a_lease_is_asked_of_it()
    {
        var second = new ReplicaPlace(new("b"), 2);
        using var group = new PumpGroup(nodeOptions: Options, places: [new(new("a")), new(new("b")), second]);
        var session = group.OpenSession(group.ElectLeader());
        var lease = new LeaseId(Applied(group, session, 1, new GrantLeaseOperation(Key, Ttl)).Revision.Value);
        var passed = 0;
        for (; passed < 200; passed++)
        {
            Pass(group, TickInterval);
        }

        foreach (var replica in group.Replicas.Where(replica => replica != group[second]))
        {
            Assert.True(replica.Storage.State.FlushAsync().AsTask().IsCompleted);
            PumpGroup.Crash(replica);
            group.Start(replica);
        }

        for (; group.Leader is not { Pump.Status: var status } || group.Leader == group[second] || status.Commit != status.Last; passed++)
        {
            Assert.True(passed < 600, "neither of the others leads");
            if (passed % 50 == 0 && group.Leader == group[second])
            {
                group.Leader.Pump!.TransferLeadershipAsync(group[new DatacenterId("a")].Id);
            }

            Pass(group, TickInterval);
        }

        var error = Lease(group, lease)!.Remaining - (Ttl - (passed * TickInterval));
        Assert.True(error >= TimeSpan.Zero, $"early by {-error}");
        Assert.True(error < Heartbeat, $"late by {error}");
    }

    [Fact]
    public void A_lease_that_is_kept_alive_lives_and_one_that_is_not_goes_with_its_keys_alone()
    {
        using var group = new PumpGroup(nodeOptions: Options);
        var session = group.OpenSession(group.ElectLeader());
        var leases = Enumerable.Range(0, 3).Select(i => new LeaseId(Applied(group, session, (ulong)i + 1, new GrantLeaseOperation(Key, TimeSpan.FromSeconds(10))).Revision.Value)).ToArray();
        for (var i = 0; i < 3; i++)
        {
            Applied(group, session, (ulong)i + 4, new PutOperation(Writes.Bytes($"k{i}"), Key) { Lease = leases[i] });
        }

        for (var i = 0; i < 30; i++)
        {
            for (var ticks = 0; ticks < 60; ticks++)
            {
                Pass(group, TickInterval);
            }

            var keep = Assert.IsType<AppliedKeepAlive>(Applied(group, session, (ulong)i + 7, new KeepAliveOperation(Key, [leases[0], leases[2]])));
            Assert.Empty(keep.Lost);
        }

        Assert.Equal(["{l}k", null, "{l}k"], Enumerable.Range(0, 3).Select(i => group.ReadNow(group.Leader, $"k{i}")));
        for (var ticks = 0; ticks < 205; ticks++)
        {
            Pass(group, TickInterval);
        }

        var late = Assert.IsType<AppliedKeepAlive>(Applied(group, session, 99, new KeepAliveOperation(Key, [.. leases])));
        Assert.Equal(leases.AsEnumerable(), late.Lost);
    }

    [Fact]
    public void Replicas_that_have_all_started_since_count_the_whole_life_anew()
    {
        using var group = new PumpGroup(nodeOptions: Options);
        var session = group.OpenSession(group.ElectLeader());
        var lease = new LeaseId(Applied(group, session, 1, new GrantLeaseOperation(Key, TimeSpan.FromSeconds(20))).Revision.Value);
        Pass(group, TickInterval);
        foreach (var replica in group.Replicas)
        {
            // What comes behind is applied once more.
            Assert.True(replica.Storage.State.FlushAsync().AsTask().IsCompleted);
        }

        Applied(group, session, 2, new KeepAliveOperation(Key, [lease]));
        for (var ticks = 0; ticks < 300; ticks++)
        {
            Pass(group, TickInterval);
        }

        foreach (var replica in group.Replicas)
        {
            PumpGroup.Crash(replica);
            group.Start(replica);
        }

        group.ElectLeader();
        for (var ticks = 0; ticks < 390; ticks++)
        {
            Pass(group, TickInterval);
        }

        Assert.NotNull(Lease(group, lease));
        for (var ticks = 0; ticks < 30; ticks++)
        {
            Pass(group, TickInterval);
        }

        Assert.Null(Lease(group, lease));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_silent_group_wakes_to_end_a_lease_also_when_its_leader_died_in_silence(bool leaderDies)
    {
        var ticks = new ListedTicks();
        using var group = new PumpGroup(nodeOptions: Options with { QuiesceAfterTicks = 20 }, ticks: ticks);
        while (group.Leader is null)
        {
            ticks.Tick();
            group.Run();
        }

        var session = group.OpenSession(group.Leader);
        var lease = new LeaseId(Applied(group, session, 1, new GrantLeaseOperation(Key, Ttl)).Revision.Value);
        Applied(group, session, 2, new PutOperation(Key, Key) { Lease = lease });
        FallSilent();
        if (leaderDies)
        {
            PumpGroup.Crash(group.Leader);
        }

        Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, ticks.Count);
        Advance(TimeSpan.FromSeconds(1.1));
        Assert.NotEqual(0, ticks.Count);
        for (var i = 0; i < 60; i++)
        {
            ticks.Tick();
            Advance(TickInterval);
        }

        Assert.Null(group.ReadNow(group.Leader, "{l}k"));
        if (!leaderDies)
        {
            FallSilent();
            Advance(TimeSpan.FromHours(1));
            Assert.Equal(0, ticks.Count);
        }

        void FallSilent()
        {
            for (var i = 0; i < 100 && ticks.Count > 0; i++)
            {
                ticks.Tick();
                Advance(TickInterval);
            }

            Assert.Equal(0, ticks.Count);
        }

        void Advance(TimeSpan by)
        {
            foreach (var replica in group.Replicas)
            {
                replica.Time.Advance(by);
            }

            group.Run();
        }
    }

    private static byte[] Key => Writes.Bytes("{l}k");

    // One tick after another: all clocks go on, all replicas are told.
    private static void Pass(PumpGroup group, TimeSpan time)
    {
        foreach (var replica in group.Replicas)
        {
            replica.Time.Advance(time);
        }

        group.Tick(1);
    }

    private static Applied Applied(PumpGroup group, SessionId session, ulong sequence, WriteOperation operation) =>
        Assert.IsAssignableFrom<Applied>(group.Settled(PumpGroup.Propose(group.Leader, new WriteCommand(session, new(sequence), operation))).Result);

    private static LeaseStatus? Lease(PumpGroup group, LeaseId lease)
    {
        var reply = group.Settled(group.Leader.Pump!.ReadLeaseAsync(lease));
        Assert.Null(reply.Rejection);
        return reply.Lease;
    }

    private sealed class ListedTicks : ITickSource
    {
        private ImmutableList<Action> registered = [];

        public int Count => registered.Count;

        public IDisposable Register(Action tick)
        {
            registered = registered.Add(tick);
            return new Registration(() => registered = registered.Remove(tick));
        }

        public void Tick() => registered.ForEach(static tick => tick());

        private sealed class Registration(Action end) : IDisposable
        {
            public void Dispose() => end();
        }
    }
}
