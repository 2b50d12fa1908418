using static MultiDc.Raft.Tests.Subject;

namespace MultiDc.Raft.Tests;

/// <summary>What the host may rely on, and what it must not do.</summary>
public sealed class ContractTests
{
    [Fact]
    public void A_Ready_is_advanced_before_the_next_is_asked_for()
    {
        var subject = new Subject();
        Assert.Throws<RaftInvariantException>(subject.Node.Advance);
        subject.Tick(T);
        Assert.True(subject.Node.TryGetReady(out _));
        Assert.Throws<RaftInvariantException>(() => subject.Node.TryGetReady(out _));
        subject.Node.Advance();
        Assert.Throws<RaftInvariantException>(subject.Node.Advance);
    }

    [Fact]
    public void There_is_no_Ready_when_there_is_nothing_to_do()
    {
        Assert.False(new Subject().Node.TryGetReady(out _));
        var leader = new Subject().LeadCommitted();
        Assert.False(leader.Node.TryGetReady(out _));
        leader.Step(leader.Accepted(2, 1), leader.Heard(2, 1));
        Assert.False(leader.Node.TryGetReady(out _));
    }

    [Fact]
    public void Messages_for_others_from_oneself_and_answers_of_strangers_are_ignored()
    {
        var subject = new Subject();
        subject.Step(
            new HeartbeatRequest(Id(2), Id(3), new Term(9), LogIndex.Zero, 1),
            new HeartbeatResponse(Id(9), Id(1), new Term(9), 1),
            new AppendAccepted(Id(9), Id(1), new Term(9), LogIndex.Zero),
            new VoteResponse(Id(9), Id(1), new Term(9), Granted: false),
            new HeartbeatRequest(Id(1), Id(1), new Term(9), LogIndex.Zero, 1));
        Assert.Equal(Term.Zero, subject.Node.Term);
        Assert.False(subject.Node.TryGetReady(out _));
    }

    [Fact]
    public void A_replica_goes_on_from_what_was_durable()
    {
        var subject = new Subject(term: 3, vote: 2, log: "1/1 3/2");
        Assert.Equal((new Term(3), At(3, 2), LogIndex.Zero), (subject.Node.Term, subject.Node.LastEntry, subject.Node.Commit));
        subject.Disk.HardState = subject.Disk.HardState with { Commit = new LogIndex(2) };
        subject.Restart();
        subject.Messages();
        Assert.Equal([At(1, 1), At(3, 2)], subject.Disk.State);
        Assert.Equal(new LogIndex(2), subject.Node.Applied);
    }

    [Theory]
    [InlineData("1/1 1/3", 1, 0, 0)]
    [InlineData("2/1 1/2", 2, 0, 0)]
    [InlineData("2/1", 1, 0, 0)]
    [InlineData("1/1", 1, 2, 0)]
    [InlineData("1/1", 1, 0, 2)]
    [InlineData("1/2", 1, 0, 0)]
    public void A_recovery_that_contradicts_itself_is_refused(string log, ulong term, ulong commit, ulong applied)
    {
        var recovery = new RaftRecovery(
            new HardState(new Term(term), ReplicaId.None, new LogIndex(commit)),
            new SnapshotMetadata(EntryId.Zero, new GroupConfiguration([Id(1)])),
            Entries(log),
            new LogIndex(applied));
        Assert.Throws<RaftInvariantException>(() => new RaftNode(new RaftNodeOptions { Id = Id(1) }, recovery, new SeededRandomSource(1)));
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Subject(options: same => same with { Id = ReplicaId.None }));
        Assert.Throws<ArgumentException>(() => new Subject(options: same => same with { HeartbeatTicks = 3 }));
        Assert.Throws<ArgumentException>(() => new Subject(options: same => same with { HeartbeatTicks = 0 }));
        Assert.Throws<ArgumentException>(() => new Subject(options: same => same with { MaxInflightAppends = 0 }));
    }

    [Fact]
    public void A_change_of_membership_that_cannot_be_read_is_not_passed_over()
    {
        var subject = new Subject();
        var change = new LogEntry(At(1, 1), EntryKind.Configuration, default);
        Assert.Throws<CodecException>(() => subject.Step(new AppendRequest(Id(2), Id(1), new Term(1), EntryId.Zero, [change], LogIndex.Zero)));
    }

    [Fact]
    public void A_replica_outside_the_group_never_stands()
    {
        var recovery = new RaftRecovery(default, new SnapshotMetadata(EntryId.Zero, new GroupConfiguration([Id(2), Id(3)])), [], LogIndex.Zero);
        var node = new RaftNode(new RaftNodeOptions { Id = Id(1) }, recovery, new SeededRandomSource(1));
        for (var i = 0; i < 100; i++)
        {
            node.Tick();
        }

        Assert.Equal(RaftRole.Follower, node.Role);
    }
}
