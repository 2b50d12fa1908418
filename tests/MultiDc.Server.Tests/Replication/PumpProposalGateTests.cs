using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Replication;

/// <summary>What waits at a pump while its silo lets no writes pass.</summary>
public sealed class PumpProposalGateTests : IDisposable
{
    private static readonly TimeSpan MaxHold = TimeSpan.FromMilliseconds(4);

    private readonly PumpGroup group = new(maxWriteHold: MaxHold, options: new() { MaxWaitingRequests = ProposalGate.MinUncommitted + 3 });
    private readonly Replica leader;
    private readonly SessionId session;
    private ulong sequence;

    public PumpProposalGateTests()
    {
        leader = group.ElectLeader();
        session = group.OpenSession(leader);
    }

    public void Dispose() => group.Dispose();

    [Fact]
    public void Writes_wait_for_those_before_them_and_then_go_together()
    {
        var first = WriteWithoutAnswers(ProposalGate.MinUncommitted);
        leader.Gate!.Close();
        var later = Write(3);
        group.Run();
        Assert.Equal(first.Length, Uncommitted());
        Assert.All(later, static write => Assert.False(write.IsCompleted));

        group.Network.Rule = static _ => Fate.Deliver;
        var flushes = leader.Disk.FlushCount;
        group.Tick(4);
        Assert.All([.. first, .. later], static write => Assert.IsType<Applied>(PumpGroup.Done(write).Result));
        Assert.Equal(1, leader.Disk.FlushCount - flushes);
    }

    [Fact]
    public void They_go_when_they_have_waited_for_long_enough()
    {
        WriteWithoutAnswers(ProposalGate.MinUncommitted);
        leader.Gate!.Close();
        Write(3);
        group.Run();
        Assert.Equal(ProposalGate.MinUncommitted, Uncommitted());
        leader.Time.Advance(MaxHold);
        group.Run();
        Assert.Equal(ProposalGate.MinUncommitted + 3, Uncommitted());
    }

    [Fact]
    public void Reads_do_not_wait_with_them()
    {
        WriteWithoutAnswers(ProposalGate.MinUncommitted);
        leader.Gate!.Close();
        var later = Write(1)[0];
        Assert.Null(group.ReadNow(leader, "absent"));
        Assert.False(later.IsCompleted);
    }

    [Fact]
    public void What_waits_is_bounded()
    {
        WriteWithoutAnswers(ProposalGate.MinUncommitted);
        leader.Gate!.Close();
        var later = Write(ProposalGate.MinUncommitted + 4);
        group.Run();
        Assert.All(later[..^1], static write => Assert.False(write.IsCompleted));
        Assert.Equal(RejectionReason.Overloaded, Assert.IsType<Rejected>(PumpGroup.Done(later[^1]).Result).Reason);
    }

    [Fact]
    public void A_replica_that_leads_no_more_sends_its_callers_on_and_holds_up_nobody()
    {
        var first = WriteWithoutAnswers(ProposalGate.MinUncommitted);
        leader.Gate!.Close();
        var later = Write(2);
        group.Run();
        group.Network.CutOff.Add(leader.Address.Datacenter);
        group.Network.Rule = static _ => Fate.Deliver;
        Assert.NotEqual(leader, group.ElectLeaderAmong(group.Replicas.Where(replica => replica != leader)));
        group.Network.CutOff.Clear();
        group.Tick(4);
        Assert.NotEqual(leader, group.Leader);
        Assert.True(leader.Gate.IsOpen);
        Assert.All(later, static write => Assert.Equal(RejectionReason.NotLeader, Assert.IsType<Rejected>(PumpGroup.Done(write).Result).Reason));
        Assert.All(first, static write => Assert.IsType<Applied>(PumpGroup.Done(write).Result));
    }

    [Fact]
    public void Of_a_pump_that_ends_nothing_waits_any_more()
    {
        WriteWithoutAnswers(ProposalGate.MinUncommitted);
        leader.Gate!.Close();
        var later = Write(1)[0];
        group.Run();
        var gate = leader.Gate;
        PumpGroup.Stop(leader);
        Assert.Equal(RejectionReason.NotReady, Assert.IsType<Rejected>(PumpGroup.Done(later).Result).Reason);
        Assert.True(gate.IsOpen);
    }

    private int Uncommitted() => (int)(leader.Pump!.Status.Last.Value - leader.Pump.Status.Commit.Value);

    private Task<Server.StateMachine.ApplyResult>[] WriteWithoutAnswers(int count)
    {
        group.Network.Rule = static packet => packet.Message is AppendAccepted ? Fate.Drop : Fate.Deliver;
        var writes = Write(count);
        group.Run();
        return writes;
    }

    private Task<Server.StateMachine.ApplyResult>[] Write(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => PumpGroup.Propose(leader, Writes.Put(session, ++sequence, $"{sequence}", "v")))];
}
