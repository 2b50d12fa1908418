using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Idle groups take no ticks; any call or message brings them back.</summary>
public sealed class PumpQuiescenceTests
{
    private static readonly RaftNodeOptions Quiesces = new() { Id = default, ElectionTimeoutTicks = 10, HeartbeatTicks = 2, QuiesceAfterTicks = 20 };

    [Fact]
    public void A_thousand_idle_groups_take_no_tick_and_have_no_turn_while_time_passes()
    {
        var ticks = new CountedTicks();
        var groups = new List<PumpGroup>();
        try
        {
            for (var i = 0; i < 1_000; i++)
            {
                var group = new PumpGroup(seed: (ulong)i + 1, nodeOptions: Quiesces, ticks: ticks);
                groups.Add(group);
                FallSilent(group, ticks);
            }

            Assert.Equal(0, ticks.Count);
            Assert.All(groups, static group => Assert.All(group.Replicas, static replica => Assert.True(replica.Pump!.IsQuiesced)));
            for (var i = 0; i < 1_000; i++)
            {
                ticks.Tick();
                foreach (var replica in groups[i].Replicas)
                {
                    replica.Time.Advance(TimeSpan.FromMinutes(1));
                }
            }

            Assert.All(groups, static group => Assert.All(group.Replicas, static replica => Assert.True(replica.Scheduler.IsIdle)));

            // They are all there.
            var last = groups[^1];
            Assert.IsType<Applied>(last.Put(last.Leader, last.OpenSession(last.Leader), 1, "k", "v"));
            Assert.Equal(3, ticks.Count);
        }
        finally
        {
            groups.ForEach(static group => group.Dispose());
        }
    }

    [Fact]
    public void Whatever_wakes_the_leader_brings_the_ticks_of_all_back()
    {
        Func<PumpGroup, Task>[] requests =
        [
            static group => PumpGroup.Read(group.Leader, "k"),
            static group => PumpGroup.Propose(group.Leader, MultiDc.Server.StateMachine.OpenSessionCommand.Instance),
            static group => group.Leader.Pump!.TransferLeadershipAsync(group.Followers[0].Id),
        ];
        foreach (var request in requests)
        {
            var ticks = new CountedTicks();
            using var group = new PumpGroup(nodeOptions: Quiesces, ticks: ticks);
            FallSilent(group, ticks);
            var result = request(group);
            group.Run();
            Assert.True(result.IsCompletedSuccessfully);
            Assert.Equal(3, ticks.Count);
        }
    }

    [Fact]
    public void A_client_that_asks_a_quiesced_follower_wakes_the_group()
    {
        var ticks = new CountedTicks();
        using var group = new PumpGroup(nodeOptions: Quiesces, ticks: ticks);
        FallSilent(group, ticks);
        Assert.Equal("!NotLeader", group.ReadNow(group.Followers[0], "k"));
        Assert.Equal(3, ticks.Count);
    }

    [Fact]
    public void A_leader_that_died_in_silence_is_replaced_when_somebody_asks()
    {
        var ticks = new CountedTicks();
        using var group = new PumpGroup(nodeOptions: Quiesces, ticks: ticks);
        FallSilent(group, ticks);
        var dead = group.Leader;
        PumpGroup.Crash(dead);
        for (var i = 0; i < 100; i++)
        {
            ticks.Tick();
        }

        group.Run();
        Assert.Null(group.Leader);
        Assert.Equal("!NotLeader", group.ReadNow(group.Replicas.First(r => r != dead), "k"));
        for (var i = 0; i < 3 * Quiesces.ElectionTimeoutTicks && group.Leader is null; i++)
        {
            ticks.Tick();
            group.Run();
        }

        Assert.NotNull(group.Leader);
        Assert.Null(group.ReadNow(group.Leader, "k"));
    }

    [Fact]
    public void A_silent_group_elects_another_leader_when_the_leaders_datacenter_is_missed()
    {
        var ticks = new CountedTicks();
        using var group = new PumpGroup(nodeOptions: Quiesces, ticks: ticks);
        FallSilent(group, ticks);
        var dead = group.Leader;
        PumpGroup.Crash(dead);
        foreach (var replica in group.Replicas.Where(r => r != dead))
        {
            replica.Pump!.Miss(replica.Address.Datacenter);
            Assert.True(replica.Pump.IsQuiesced);
            replica.Pump.Miss(dead.Address.Datacenter);
        }

        group.Run();
        for (var i = 0; i < Quiesces.ElectionTimeoutTicks / 2 && group.Leader is null; i++)
        {
            ticks.Tick();
            group.Run();
        }

        Assert.NotNull(group.Leader);
    }

    [Fact]
    public void A_member_that_restarts_wakes_the_others_and_changes_no_term()
    {
        var ticks = new CountedTicks();
        using var group = new PumpGroup(nodeOptions: Quiesces, ticks: ticks);
        FallSilent(group, ticks);
        var (leader, term) = (group.Leader, group.Leader.Pump!.Status.Term);
        var restarted = group.Followers[0];
        PumpGroup.Crash(restarted);
        group.Start(restarted);
        FallSilent(group, ticks);
        Assert.Equal((leader, term), (group.Leader, group.Leader.Pump.Status.Term));
        Assert.Equal(leader.Address.Datacenter, restarted.Pump!.Status.Leader);
    }

    [Fact]
    public void A_stopped_pump_takes_no_ticks()
    {
        var ticks = new CountedTicks();
        using var group = new PumpGroup(nodeOptions: Quiesces, ticks: ticks);
        group.Run();
        Assert.Equal(3, ticks.Count);
        PumpGroup.Stop(group.Replicas[0]);
        Assert.Equal(2, ticks.Count);
    }

    private static void FallSilent(PumpGroup group, CountedTicks ticks)
    {
        group.Run();
        for (var i = 0; i < 200 && !group.Replicas.All(static r => r.Pump!.IsQuiesced); i++)
        {
            ticks.Tick();
            group.Run();
        }

        Assert.All(group.Replicas, static replica => Assert.True(replica.Pump!.IsQuiesced));
    }

    private sealed class CountedTicks : ITickSource
    {
        private readonly List<Action> registered = [];

        public int Count => registered.Count;

        public IDisposable Register(Action tick)
        {
            registered.Add(tick);
            return new Registration(() => registered.Remove(tick));
        }

        public void Tick()
        {
            foreach (var tick in registered.ToArray())
            {
                tick();
            }
        }

        private sealed class Registration(Action dispose) : IDisposable
        {
            public void Dispose() => dispose();
        }
    }
}
