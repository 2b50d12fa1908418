using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.StateMachine;

public sealed class KeyValueContentCheckTests
{
    private static readonly ReplicaName Replica = new("default/0@dc1");
    private static readonly LogIndex Applied = new(20);

    private readonly KeyValueContentCheck check = new();

    [Fact]
    public void What_can_be_true_is_no_problem()
    {
        Assert.Null(Entry(3, 3, 1));
        Assert.Null(Entry(3, 9, 2));
        Assert.Null(Entry(3, 20, 18));
        Assert.Null(Session(4, 0, 4, SessionOutcome.None, 0));
        Assert.Null(Session(5, 1, 9, SessionOutcome.Applied, 9));
        Assert.Null(Command(KeyValueCommandCodec.Encode(OpenSessionCommand.Instance)));
        Assert.Null(check.ProblemOf(Replica, new LogEntry(new(new(1), new(1)), EntryKind.NoOp, default)));
        Assert.Null(check.ProblemOf(new StoreRecord("claimed/default/0@dc1", default)));
    }

    [Theory]
    [InlineData(3, 21, 2)]
    [InlineData(9, 3, 2)]
    [InlineData(0, 3, 2)]
    [InlineData(3, 3, 2)]
    [InlineData(3, 9, 1)]
    [InlineData(3, 9, 0)]
    [InlineData(3, 9, 8)]
    public void Revisions_that_cannot_be(ulong created, ulong modified, ulong version) => Assert.Contains("revision", Entry(created, modified, version)!, StringComparison.Ordinal);

    [Theory]
    [InlineData(5, 1, 21, 1, 21)]
    [InlineData(5, 1, 4, 1, 4)]
    [InlineData(5, 0, 9, 1, 9)]
    [InlineData(5, 1, 9, 1, 8)]
    [InlineData(5, 1, 9, 0, 9)]
    public void Sessions_that_cannot_be(ulong session, ulong sequence, ulong usedAt, byte outcome, ulong revision) =>
        Assert.Contains("session", Session(session, sequence, usedAt, (SessionOutcome)outcome, revision)!, StringComparison.Ordinal);

    [Fact]
    public void Two_sessions_of_one_replica_are_not_used_by_the_same_entry()
    {
        Assert.Null(Session(5, 1, 9, SessionOutcome.Applied, 9));
        Assert.Contains("another", Session(6, 1, 9, SessionOutcome.Applied, 9)!, StringComparison.Ordinal);
        Assert.Null(check.ProblemOf(new("default/1@dc1"), Applied, SessionRow(7, 1, 9, SessionOutcome.Applied, 9)));
    }

    [Fact]
    public void A_key_of_another_shard()
    {
        var range = HashRange.OfShard(HashRange.OfShard(0, 2).Contains("k"u8) ? 1 : 0, 2);
        check.ProblemOf(new StoreRecord($"founded/{Replica}", new ShardDescriptor(range, [new DatacenterId("dc1")], []).Serialize()));

        Assert.Equal("its key is not in the range of this shard", Entry(3, 3, 1));
    }

    [Fact]
    public void Bytes_that_cannot_be_read()
    {
        Assert.NotNull(check.ProblemOf(Replica, Applied, new("\u0011k"u8.ToArray(), new byte[40])));
        Assert.NotNull(check.ProblemOf(Replica, Applied, new(StateRows.EntryKey("k"u8), new byte[40])));
        Assert.NotNull(check.ProblemOf(Replica, Applied, new(StateRows.EntryKey("k"u8), new byte[] { 1 })));
        Assert.NotNull(check.ProblemOf(Replica, Applied, new(StateRows.SessionKey(new(1)), new byte[] { 1 })));
        Assert.NotNull(check.ProblemOf(Replica, Applied, new(new byte[] { 0x20, 1 }, new byte[26])));
        Assert.NotNull(check.ProblemOf(Replica, Applied, new(StateRows.EntryKey(default), StateRows.Encode(new KeyValueEntry(default, default, new(1), new(1), 1)))));
        Assert.NotNull(Command(new byte[] { 9, 9 }));
        Assert.NotNull(check.ProblemOf(new StoreRecord($"founded/{Replica}", "{}"u8.ToArray())));
    }

    private string? Entry(ulong created, ulong modified, ulong version) => check.ProblemOf(
        Replica, Applied, new(StateRows.EntryKey("k"u8), StateRows.Encode(new KeyValueEntry("k"u8.ToArray(), "v"u8.ToArray(), new(created), new(modified), version))));

    private string? Session(ulong session, ulong sequence, ulong usedAt, SessionOutcome outcome, ulong revision) =>
        check.ProblemOf(Replica, Applied, SessionRow(session, sequence, usedAt, outcome, revision));

    private static StateRow SessionRow(ulong session, ulong sequence, ulong usedAt, SessionOutcome outcome, ulong revision) =>
        new(StateRows.SessionKey(new(session)), StateRows.Encode(new SessionRecord(new(sequence), new(usedAt), outcome, new(revision))));

    private string? Command(ReadOnlyMemory<byte> payload) => check.ProblemOf(Replica, new LogEntry(new(new(1), new(1)), EntryKind.Command, payload));
}
