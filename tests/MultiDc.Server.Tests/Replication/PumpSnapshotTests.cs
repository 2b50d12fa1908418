using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

public sealed class PumpSnapshotTests
{
    private static readonly ReplicaPumpOptions SmallLog = new() { CompactAfterBytes = 3_000, KeepEntries = 4, SnapshotChunkBytes = 500 };

    [Fact]
    public void The_log_stays_bounded_and_a_restart_recovers_from_what_was_compacted()
    {
        using var group = new PumpGroup(options: SmallLog);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        Fill(group, leader, session, 1, 200);
        foreach (var replica in group.Replicas)
        {
            PumpGroup.Crash(replica);
            group.Start(replica);
            Assert.InRange(replica.Storage.Recovered.Entries.Count, 0, 100);
            Assert.True(replica.Storage.Recovered.Snapshot.LastIncluded.Index.Value > 100);
        }

        leader = group.ElectLeader();
        Assert.Equal(Value(1), group.ReadNow(leader, "k1"));
        Assert.Equal(Value(200), group.ReadNow(leader, "k200"));
    }

    [Fact]
    public void A_log_that_anothers_flush_made_dispensable_is_compacted_before_it_is_full()
    {
        using var group = new PumpGroup(options: SmallLog with { CompactAfterBytes = 40_000 });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        Fill(group, leader, session, 1, 150);
        Assert.InRange(leader.Pump!.Node.RetainedBytes, 20_000, 39_000);
        Assert.Equal(LogIndex.Zero, leader.Pump.Node.CompactedTo.Index);

        // A store flushes the rows of all its replicas together.
        leader.Storage.State.FlushAsync().AsTask().Wait();
        Fill(group, leader, session, 151, 151);
        Assert.InRange(leader.Pump.Node.RetainedBytes, 0, 2_000);
        Assert.All(group.Followers, static follower => Assert.Equal(LogIndex.Zero, follower.Pump!.Node.CompactedTo.Index));
    }

    [Theory]
    [InlineData(50, 400)]
    [InlineData(1000, 300)]
    public void A_log_that_may_not_shrink_further_does_not_keep_the_pump_busy(int keepEntries, int valueBytes)
    {
        // More bytes than the bound lie in fewer entries than are kept: nothing can be compacted, and nothing must be tried for ever.
        using var group = new PumpGroup(options: new() { CompactAfterBytes = 3_000, KeepEntries = keepEntries });
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        for (var i = 1UL; i <= 20; i++)
        {
            Assert.IsType<Applied>(group.Put(leader, session, i, $"k{i}", new string('x', valueBytes)));
        }
    }

    [Fact]
    public void Entries_that_nobody_committed_do_not_keep_the_pump_busy()
    {
        using var group = new PumpGroup(options: SmallLog);
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        group.Network.CutOff.Add(leader.Address.Datacenter);
        PumpGroup.Propose(leader, Writes.Put(session, 1, "k", new string('x', 50_000)));
        group.Run();
    }

    [Fact]
    public void A_follower_that_lags_behind_the_log_gets_a_snapshot_in_chunks()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, session) = LetOneLagBehind(group);
        group.Network.CutOff.Clear();
        group.Tick(10);
        Assert.True(group.Network.Sent.Count(static p => p.Chunk is not null) > 3);
        Assert.Equal(leader.Pump!.Status.Applied, lagging.Pump!.Status.Applied);
        Assert.Equal(Rows(leader), Rows(lagging));

        // The sessions came with it: as leader it tells a retry apart.
        Assert.True(group.Settled(leader.Pump.TransferLeadershipAsync(lagging.Id)));
        group.Tick(1);
        Assert.Equal(lagging, group.Leader);
        Assert.IsType<Applied>(group.Put(lagging, session, 60, "k60", "a retry applies once"));
        Assert.Equal(Value(60), group.ReadNow(lagging, "k60"));
    }

    [Fact]
    public void Chunks_lost_doubled_and_answered_to_late_only_cost_time()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, _) = LetOneLagBehind(group);
        var chunks = 0;
        group.Network.Rule = p => p.Chunk is null ? Fate.Deliver : (++chunks % 4) switch
        {
            1 => Fate.Duplicate,
            3 when chunks < 20 => Fate.Drop,
            _ => Fate.Deliver,
        };
        group.Network.CutOff.Clear();
        group.Tick(60);
        Assert.Equal(Rows(leader), Rows(lagging));
    }

    [Fact]
    public void A_stream_resumes_at_the_chunk_that_was_lost()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, _) = LetOneLagBehind(group);
        var lost = 0;
        group.Network.Rule = p => p.Chunk is { Number: 5 } && ++lost < 8 ? Fate.Drop : Fate.Deliver;
        group.Network.CutOff.Clear();
        group.Tick(20);
        Assert.Equal(8, lost);
        var numbers = group.Network.Sent.Where(static p => p.Chunk is not null).Select(static p => p.Chunk!.Number).ToArray();
        Assert.Equal(numbers.Order(), numbers);
        Assert.Equal(8, numbers.Count(static number => number == 5));
        Assert.Equal(Rows(leader), Rows(lagging));
    }

    [Fact]
    public void A_stream_that_is_never_answered_is_given_up()
    {
        using var group = new PumpGroup(options: SmallLog with { SnapshotChunkAttempts = 3 });
        var (leader, lagging, _) = LetOneLagBehind(group);
        group.Network.Rule = static p => p.Chunk is { Number: 2 } ? Fate.Drop : Fate.Deliver;
        group.Network.CutOff.Clear();
        TickUntilChunksAreSent(group);
        Assert.Equal(3, group.Network.Sent.Count(static p => p.Chunk is { Number: 2 }));
        group.Network.Rule = static _ => Fate.Deliver;
        group.Tick(20);
        Assert.Equal(Rows(leader), Rows(lagging));
    }

    [Fact]
    public void A_late_chunk_of_an_earlier_snapshot_neither_counts_nor_disturbs()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, session) = LetOneLagBehind(group);
        group.Network.Rule = static p => p.Chunk is null ? Fate.Deliver : Fate.Drop;
        group.Network.CutOff.Clear();
        TickUntilChunksAreSent(group);
        SnapshotChunk[] early = [.. group.Network.Sent.Where(static p => p.Chunk is not null).Select(static p => p.Chunk!)];
        Fill(group, leader, session, 61, 120);
        group.Network.Rule = p =>
        {
            if (p.Chunk is { Number: 3 })
            {
                foreach (var chunk in early.Append(early[0] with { Number = 3 }))
                {
                    var request = (SnapshotRequest)FrameMessages.Decode(chunk.Frame.Messages).Single();
                    _ = lagging.Pump!.TakeChunkAsync(request, chunk);
                }
            }

            return Fate.Deliver;
        };
        group.Tick(20);
        Assert.Equal(Rows(leader), Rows(lagging));
        var taken = group.Network.Sent.Where(static p => p.Chunk is not null).Skip(early.Length).Select(static p => p.Chunk!.Number).ToArray();
        Assert.Equal(taken.Order(), taken);
    }

    [Fact]
    public void Chunks_that_are_always_doubled_still_get_through()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, _) = LetOneLagBehind(group);
        group.Network.Rule = static p => p.Chunk is null ? Fate.Deliver : Fate.Duplicate;
        group.Network.CutOff.Clear();
        group.Tick(20);
        Assert.Equal(Rows(leader), Rows(lagging));
    }

    [Fact]
    public void A_new_stream_that_begins_right_after_the_last_chunk_does_not_take_the_snapshot_away()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, _) = LetOneLagBehind(group);

        // The first chunk comes again just behind the last one, in the same round of the receiver.
        Parcel? first = null;
        var wasLast = false;
        group.Network.CutOff.Clear();
        group.Network.Rule = p =>
        {
            if (p.Chunk is { } chunk)
            {
                first ??= p;
                if (chunk.IsLast)
                {
                    wasLast = true;
                    var request = (SnapshotRequest)FrameMessages.Decode(chunk.Frame.Messages).Single();
                    _ = lagging.Pump!.TakeChunkAsync(request, chunk);
                    _ = lagging.Pump.TakeChunkAsync(request, first.Chunk!);
                    return Fate.Drop;
                }
            }

            return Fate.Deliver;
        };
        group.Tick(20);
        Assert.True(wasLast);
        Assert.NotNull(lagging.Pump);
        Assert.False(lagging.Pump.Completion.IsCompleted);
        Assert.Equal(Rows(leader), Rows(lagging));
    }

    [Fact]
    public void A_chunk_out_of_order_or_of_an_earlier_term_is_refused()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, _) = LetOneLagBehind(group);
        group.Network.Rule = static p => p.Chunk is null ? Fate.Deliver : Fate.Drop;
        group.Network.CutOff.Clear();
        group.Tick(10);
        var sent = group.Network.Sent.First(static p => p.Chunk is not null).Chunk!;
        var request = (SnapshotRequest)FrameMessages.Decode(sent.Frame.Messages).Single();
        Assert.False(group.Settled(lagging.Pump!.TakeChunkAsync(request, sent with { Number = 1 })).Accepted);
        Assert.False(group.Settled(lagging.Pump.TakeChunkAsync(request with { Term = new(0) }, sent)).Accepted);
        Assert.False(group.Settled(lagging.Pump.TakeChunkAsync(request with { To = leader.Id }, sent)).Accepted);
        Assert.True(group.Settled(lagging.Pump.TakeChunkAsync(request, sent)).Accepted);
        Assert.False(group.Settled(lagging.Pump.TakeChunkAsync(request, sent with { Number = 2 })).Accepted);

        // Refused, not taken and choked on.
        Assert.False(lagging.Pump.Completion.IsCompleted);
    }

    [Fact]
    public void A_follower_that_crashes_in_the_middle_begins_anew()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, _) = LetOneLagBehind(group);
        var chunks = 0;
        group.Network.Rule = p => p.Chunk is not null && ++chunks > 3 ? Fate.Drop : Fate.Deliver;
        group.Network.CutOff.Clear();
        group.Tick(3);
        Assert.True(chunks > 3);
        PumpGroup.Crash(lagging);
        group.Network.Rule = static _ => Fate.Deliver;
        group.Start(lagging);
        Assert.Equal(new LogIndex(0), lagging.Storage.Recovered.Snapshot.LastIncluded.Index);
        group.Tick(20);
        Assert.Equal(Rows(leader), Rows(lagging));
    }

    [Fact]
    public void An_installed_snapshot_survives_a_crash_right_after()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, lagging, _) = LetOneLagBehind(group);
        group.Network.CutOff.Clear();
        group.Tick(10);
        PumpGroup.Crash(lagging);
        group.Start(lagging);
        Assert.Equal(Rows(leader), Rows(lagging));
        group.Tick(5);
        Assert.Equal(leader.Pump!.Status.Applied, lagging.Pump!.Status.Applied);
    }

    [Fact]
    public void A_pump_stops_at_once_although_a_follower_has_not_answered_its_chunk()
    {
        using var group = new PumpGroup(options: SmallLog);
        var (leader, _, _) = LetOneLagBehind(group);
        group.Network.Rule = static p => p.Chunk is null ? Fate.Deliver : Fate.Hold;
        group.Network.CutOff.Clear();
        group.Tick(10);
        Assert.True(group.Network.HeldCount > 0);
        Assert.Equal(PumpStopReason.Requested, PumpGroup.Stop(leader).Reason);
    }

    private static (Replica Leader, Replica Lagging, SessionId Session) LetOneLagBehind(PumpGroup group)
    {
        var leader = group.ElectLeader();
        var session = group.OpenSession(leader);
        var lagging = group.Followers[0];
        group.Network.CutOff.Add(lagging.Address.Datacenter);

        // For a follower that was heard from lately the log would be kept.
        group.Tick(12, group.Replicas.Where(r => r != lagging));
        Fill(group, leader, session, 1, 60);
        group.Network.Sent.Clear();
        return (leader, lagging, session);
    }

    private static void TickUntilChunksAreSent(PumpGroup group)
    {
        for (var ticks = 0; !group.Network.Sent.Any(static p => p.Chunk is not null); ticks++)
        {
            Assert.True(ticks < 100, "no snapshot is sent");
            group.Tick(1);
        }
    }

    private static void Fill(PumpGroup group, Replica leader, SessionId session, int first, int last)
    {
        for (var i = first; i <= last; i++)
        {
            Assert.IsType<Applied>(group.Put(leader, session, (ulong)i, $"k{i}", Value(i)));
        }
    }

    private static string Value(int i) => $"{i}:{new string('v', 100)}";

    private static string[] Rows(Replica replica)
    {
        using var view = replica.Storage.State.OpenView();
        return [.. view.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToBlockingEnumerable()
            .Select(static row => $"{Convert.ToHexString(row.Key.Span)}={Convert.ToHexString(row.Value.Span)}")];
    }
}
