using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Tests.Replication;

namespace MultiDc.Server.Tests.Regressions;

/// <summary>
/// What etcd shipped and its robustness tests found, as scenarios over real pumps: each is named by the number of the issue in the etcd
/// repository. Those about files alone are in <c>MultiDc.Storage.Tests</c>.
/// </summary>
public sealed class EtcdRegressionTests
{
    private static readonly ReplicaPumpOptions SmallLog = new() { CompactAfterBytes = 2_000, KeepEntries = 3, SnapshotChunkBytes = 400 };

    /// <summary>
    /// 13766: the applied index was stored apart from the data, so a crash under load applied entries twice or not at all. Here a replica
    /// crashes between any two of its steps; afterwards all have the same rows, whose version counters say how often each was written.
    /// </summary>
    [Fact]
    public void Etcd_13766_a_crash_under_load_applies_nothing_twice_and_loses_nothing()
    {
        using var group = new PumpGroup(options: SmallLog);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        const ulong last = 60;
        for (var i = 1UL; i <= last; i++)
        {
            var victim = group.Followers[(int)i % 2];
            var write = PumpGroup.Propose(group.Leader, Writes.CompareAndSet(session, i, "counter", i == 1 ? null : $"{i - 1}", $"{i}"));
            if (i % 3 == 0)
            {
                // Accepted by its disk, applied perhaps, flushed or not: at another step each time.
                victim.Scheduler.RunUntilIdle();
                PumpGroup.Crash(victim, survivingWrites: (int)(i % 2));
                group.Start(victim);
            }

            Assert.IsType<Applied>(group.Settled(write).Result);
        }

        group.Tick(20);
        Assert.All(group.Replicas, replica => Assert.Equal(Rows(group.Leader), Rows(replica)));
        var entry = PumpGroup.Take(KeyValueReader.GetAsync(group.Leader.Storage.State, Writes.Bytes("counter")))!;
        Assert.Equal(($"{last}", last), (Writes.Text(entry.Value), entry.Version));
    }

    /// <summary>14370: a cluster of one acknowledged writes before its own fsync and lost them in a crash.</summary>
    [Fact]
    public void Etcd_14370_a_group_of_one_acknowledges_nothing_before_its_own_disk_has_it()
    {
        using var group = new PumpGroup(size: 1);
        var only = group.ElectLeader();
        var session = group.OpenSession(only);
        var hold = only.Disk.HoldFlushes();
        var write = PumpGroup.Propose(only, Writes.Put(session, 1, "k", "lost"));
        group.Tick(5);
        Assert.False(write.IsCompleted);
        Assert.Equal(1, only.Disk.PendingCount);

        PumpGroup.Crash(only);
        hold.Dispose();
        Assert.IsType<Unknown>(PumpGroup.Done(write).Result);
        group.Start(only);
        Assert.Null(group.ReadNow(group.ElectLeader(), "k"));
        Assert.IsType<Applied>(group.Put(only, session, 1, "k", "kept"));
        PumpGroup.Crash(only);
        group.Start(only);
        Assert.Equal("kept", group.ReadNow(group.ElectLeader(), "k"));
    }

    /// <summary>
    /// 14571: what an entry did depended on something that was not in the log, and the replicas diverged. Here their clocks are hours apart,
    /// one has restarted, one came by a snapshot, and they compact at different times.
    /// </summary>
    [Fact]
    public void Etcd_14571_what_an_entry_does_depends_on_the_log_alone()
    {
        using var group = new PumpGroup(options: SmallLog);
        var leader = group.ElectLeader();
        SessionId[] sessions = [.. Enumerable.Range(0, 4).Select(_ => group.OpenSession(leader))];
        Write(group, sessions, 1, 10);
        var (slow, restarting) = (group.Followers[0], group.Followers[1]);
        group.Network.CutOff.Add(slow.Address.Datacenter);
        group.Tick(12, group.Replicas.Where(r => r != slow));
        leader.Time.Advance(TimeSpan.FromHours(5));
        Write(group, sessions, 11, 40);
        PumpGroup.Crash(restarting);
        group.Start(restarting);
        slow.Time.Advance(TimeSpan.FromDays(30));
        group.Network.CutOff.Clear();
        group.Tick(30);
        restarting.Time.Advance(TimeSpan.FromMinutes(7));
        Write(group, sessions, 41, 50);

        group.Tick(10);
        Assert.Contains(group.Network.Sent, p => p.Chunk is not null && p.To == slow.Address.Datacenter);
        Assert.All(group.Replicas, replica => Assert.Equal(Rows(group.Leader), Rows(replica)));
    }

    /// <summary>14685, 17780: a crash in the middle of a compaction took the revision back.</summary>
    [Fact]
    public void Etcd_14685_and_17780_a_crash_during_compaction_never_takes_a_revision_back()
    {
        for (var step = 0; step < 12; step++)
        {
            using var group = new PumpGroup(options: SmallLog);
            var leader = group.ElectLeader();
            var session = group.OpenSession(leader);
            ulong sequence = 1;
            for (; leader.Pump!.Node.CompactedTo.Index.Value == 0; sequence++)
            {
                // The write after which the log is compacted: the disk then holds back what comes from that step on.
                Assert.IsType<Applied>(group.Put(leader, session, sequence, "k", new string('v', 100)));
            }

            var hold = leader.Disk.HoldFlushes();
            var writes = Enumerable.Range(0, 40).Select(i => PumpGroup.Propose(leader, Writes.Put(session, sequence + (ulong)i, "k", new string('w', 100)))).ToArray();
            group.Run();
            PumpGroup.Crash(leader, survivingWrites: step);
            hold.Dispose();
            group.Start(leader);
            var revision = RevisionOf(leader);
            leader = group.ElectLeader();
            group.Tick(20);
            Assert.All(group.Replicas, replica => Assert.Equal(Rows(leader), Rows(replica)));
            Assert.True(RevisionOf(leader) >= revision, $"step {step}: the revision went back from {revision} to {RevisionOf(leader)}");
            Assert.True(leader.Storage.State.Applied.Value >= sequence, $"step {step}: what was acknowledged is there");
            Assert.All(writes.Where(static write => write.IsCompleted), static write => Assert.IsNotType<Rejected>(write.Result.Result));
        }
    }

    /// <summary>18055, 20271: two snapshots in a row brought a replica down. Here two leaders stream to one follower, chunk by chunk in turns.</summary>
    [Fact]
    public void Etcd_18055_and_20271_two_snapshots_in_a_row_or_at_once_leave_the_later_one()
    {
        using var group = new PumpGroup(options: SmallLog);
        var first = group.ElectLeader();
        var session = group.OpenSession(first);
        var lagging = group.Followers[0];
        group.Network.CutOff.Add(lagging.Address.Datacenter);
        group.Tick(12, group.Replicas.Where(r => r != lagging));
        Fill(group, session, 1, 30);

        // The first leader's stream stands still after some chunks.
        group.Network.Rule = static p => p.Chunk is { Number: 3 } ? Fate.Hold : Fate.Deliver;
        group.Network.CutOff.Clear();
        for (var ticks = 0; group.Network.HeldCount == 0; ticks++)
        {
            Assert.True(ticks < 50, "no snapshot is sent");
            group.Tick(1);
        }

        // Another leads, has more, and streams as well, which stands still too.
        var second = group.Followers.First(r => r != lagging);
        Assert.True(group.Settled(first.Pump!.TransferLeadershipAsync(second.Id)));
        Assert.Equal(second, group.Leader);
        Fill(group, session, 31, 60);
        group.Tick(10);
        Assert.Equal(2, group.Network.HeldCount);

        // The receiver waits for the fourth chunk of the second, and that of the first arrives.
        group.Network.Rule = static p => p.Chunk is null ? Fate.Deliver : Fate.Duplicate;
        group.Network.Release();
        group.Tick(20);
        AssertCaughtUp(group, lagging);

        // And a second one right after.
        group.Network.Rule = static _ => Fate.Deliver;
        group.Network.CutOff.Add(lagging.Address.Datacenter);
        group.Tick(12, group.Replicas.Where(r => r != lagging));
        Fill(group, session, 61, 100);
        group.Network.CutOff.Clear();
        group.Tick(60);
        AssertCaughtUp(group, lagging);
    }

    /// <summary>
    /// 18667: a transaction failed on replicas that had compacted what it read, and not on others. Here writes that must be refused are
    /// applied by replicas that compacted, restarted, or came by a snapshot: all decide the same, and leave the same rows.
    /// </summary>
    [Fact]
    public void Etcd_18667_errors_are_decided_in_apply_and_alike_on_every_replica()
    {
        using var group = new PumpGroup(options: SmallLog);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var lagging = group.Followers[0];
        group.Network.CutOff.Add(lagging.Address.Datacenter);
        group.Tick(12, group.Replicas.Where(r => r != lagging));
        Fill(group, session, 1, 40);
        PumpGroup.Crash(group.Followers.First(r => r != lagging));
        group.Start(group.Followers.First(r => r.Pump is null));
        group.Network.CutOff.Clear();
        group.Tick(30);

        WriteCommand[] refused =
        [
            Writes.CompareAndSet(session, 41, "k1", "not this", "never"),
            Writes.CompareAndSet(session, 42, "k2", null, "never"),
            Writes.CompareAndSet(session, 43, "absent", "something", "never"),
            Writes.Put(new(session.Value + 1), 1, "k3", "never"),
            Writes.Put(session, 0, "k4", "never"),
            Writes.Put(session, 7, "k5", "never"),
        ];
        var outcomes = refused.Select(command => group.Settled(PumpGroup.Propose(group.Leader, command)).Result).ToArray();

        Assert.DoesNotContain(outcomes, static outcome => outcome is Applied);
        group.Tick(10);
        foreach (var replica in group.Replicas)
        {
            Assert.Equal(Rows(group.Leader), Rows(replica));
        }

        // Whoever leads next decides the retries alike.
        foreach (var next in group.Followers)
        {
            Assert.True(group.Settled(group.Leader.Pump!.TransferLeadershipAsync(next.Id)));
            group.Tick(3);
            Assert.Equal(next, group.Leader);
            Assert.Equal(outcomes[2], group.Settled(PumpGroup.Propose(next, refused[2])).Result);
            Assert.Equal(outcomes[3], group.Settled(PumpGroup.Propose(next, refused[3])).Result);
        }
    }

    /// <summary>
    /// 20418: after a pause a process served what was true before it. Here a leader stands still while another is elected and writes; then it
    /// goes on, with the answers of its followers from before the pause still waiting for it.
    /// </summary>
    [Fact]
    public void Etcd_20418_after_a_pause_a_leader_that_was_replaced_serves_nothing_old()
    {
        using var group = new PumpGroup();
        var paused = group.ElectLeader();
        var session = group.OpenSession(paused);
        group.Put(paused, session, 1, "k", "old");

        // Rounds of heartbeats that left before the pause; their answers arrive after it.
        group.Network.Rule = p => p.Message is HeartbeatResponse && p.To == paused.Address.Datacenter ? Fate.Hold : Fate.Deliver;
        group.Tick(4, paused);
        Assert.True(group.Network.HeldCount > 0);
        group.Network.CutOff.Add(paused.Address.Datacenter);
        var next = group.ElectLeaderAmong(group.Replicas.Where(r => r != paused));
        Assert.IsType<Applied>(group.Put(next, session, 2, "k", "new"));

        // It goes on: first with what waited for it, then with the world.
        group.Network.Rule = p => p.Message is HeartbeatRequest && p.From == paused.Address.Datacenter ? Fate.Drop : Fate.Deliver;
        var read = PumpGroup.Read(paused, "k");
        paused.Scheduler.RunUntilIdle();
        group.Network.CutOff.Clear();
        group.Network.Release();
        group.Run();
        Assert.True(!read.IsCompleted || read.Result == "!NotLeader", "a read that came after the pause was answered with what was true before it");
        group.Network.Rule = static _ => Fate.Deliver;
        group.Tick(30);
        Assert.Equal("!NotLeader", PumpGroup.Done(read));
        Assert.Equal("new", group.ReadNow(group.Leader, "k"));
    }

    private static void AssertCaughtUp(PumpGroup group, Replica lagging)
    {
        Assert.NotNull(lagging.Pump);
        Assert.False(lagging.Pump.Completion.IsCompleted);
        Assert.Equal(group.Leader.Pump!.Status.Applied, lagging.Pump.Status.Applied);
        Assert.Equal(Rows(group.Leader), Rows(lagging));
    }

    private static void Write(PumpGroup group, SessionId[] sessions, ulong first, ulong last)
    {
        for (var sequence = first; sequence <= last; sequence++)
        {
            foreach (var session in sessions)
            {
                Assert.IsType<Applied>(group.Put(group.Leader, session, sequence, $"k{sequence % 7}", $"{session.Value}: {new string('v', 60)}"));
            }
        }
    }

    private static void Fill(PumpGroup group, SessionId session, int first, int last)
    {
        for (var i = first; i <= last; i++)
        {
            Assert.IsType<Applied>(group.Put(group.Leader, session, (ulong)i, $"k{i}", $"{i}:{new string('v', 100)}"));
        }
    }

    private static ulong RevisionOf(Replica replica) =>
        PumpGroup.Take(KeyValueReader.GetAsync(replica.Storage.State, Writes.Bytes("k")))?.ModifyRevision.Value ?? 0;

    private static string[] Rows(Replica replica)
    {
        using var view = replica.Storage.State.OpenView();
        return [.. view.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToBlockingEnumerable()
            .Select(static row => $"{Convert.ToHexString(row.Key.Span)}={Convert.ToHexString(row.Value.Span)}")];
    }
}
