using MultiDc.Raft;
using MultiDc.Server.Openings;

namespace MultiDc.Server.Tests.Openings;

public sealed class PromisesTests
{
    private static readonly ReplicaId A = new(1);
    private static readonly ReplicaId B = new(2);

    public static TheoryData<string, object, object> Messages => new()
    {
        { "asks whether an election could be won: in no term yet", new PreVoteRequest(A, B, new(8), Id(7, 9)), default(Promises) },
        { "would vote: in no term yet", new PreVoteResponse(A, B, new(8), Granted: true), default(Promises) },
        { "would not vote, and tells its own term", new PreVoteResponse(A, B, new(7), Granted: false), new Promises(7, 0, 0) },
        { "stands, so voted for itself", new VoteRequest(A, B, new(7), Id(6, 9), LeadershipTransfer: false), new Promises(7, A.Value, 0) },
        { "votes", new VoteResponse(A, B, new(7), Granted: true), new Promises(7, B.Value, 0) },
        { "does not vote", new VoteResponse(A, B, new(7), Granted: false), new Promises(7, 0, 0) },
        { "leads and sends entries, which it may be writing yet, after one of its term", new AppendRequest(A, B, new(7), Id(7, 5), [Entry(7, 6), Entry(7, 7)], new(4)), new Promises(7, 0, 5) },
        { "leads and sends entries after one of an earlier term", new AppendRequest(A, B, new(7), Id(6, 4), [Entry(6, 5), Entry(7, 6)], new(4)), new Promises(7, 0, 0) },
        { "leads and probes after an entry of its term", new AppendRequest(A, B, new(7), Id(7, 6), [], new(4)), new Promises(7, 0, 6) },
        { "leads and probes after an earlier entry", new AppendRequest(A, B, new(7), Id(6, 4), [], new(4)), new Promises(7, 0, 0) },
        { "leads and rests", new QuiesceRequest(A, B, new(7), Id(7, 6), 3), new Promises(7, 0, 6) },
        { "answers a heartbeat", new HeartbeatResponse(A, B, new(7), 3), new Promises(7, 0, 0) },
        { "lacks an entry", new AppendRejected(A, B, new(7), new(9), Id(6, 4)), new Promises(7, 0, 0) },
    };

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_proves_what_was_durable_before_it(string what, object message, object proven) =>
        Assert.True(Promises.Of((RaftMessage)message).Equals(proven), what);

    [Theory]
    [InlineData(7UL, 12UL)]
    [InlineData(6UL, 0UL)]
    [InlineData(null, 0UL)]
    public void An_acknowledged_entry_counts_when_the_leader_knows_it_as_one_of_this_term(ulong? termAtMatch, ulong held) =>
        Assert.Equal(new(7, 0, held), Promises.Of(new AppendAccepted(A, B, new(7), new(12)), termAtMatch is { } term ? new Term(term) : null));

    [Theory]
    [InlineData(7UL, 12UL)]
    [InlineData(6UL, 0UL)]
    [InlineData(null, 0UL)]
    public void What_a_leader_calls_committed_counts_when_it_is_of_this_term(ulong? termAtCommit, ulong held) =>
        Assert.Equal(new(7, 0, held), Promises.Of(new HeartbeatRequest(A, B, new(7), new(12), default), termAtCommit is { } term ? new Term(term) : null));

    [Fact]
    public void In_whatever_order_they_are_heard_the_same_is_known()
    {
        Promises[] heard = [new(6, 1, 40), new(7, 2, 0), new(7, 0, 12), new(7, 0, 9), new(5, 3, 99), default];
        foreach (var seed in Enumerable.Range(1, 50))
        {
            var order = heard.ToArray();
            new Random(seed).Shuffle(order);
            Assert.Equal(new(7, 2, 12), order.Aggregate(default(Promises), static (known, next) => known.And(next)));
        }
    }

    [Theory]
    [InlineData(7, 2, 7, 12, null)]
    [InlineData(7, 2, 7, 13, null)]
    [InlineData(8, 0, 6, 3, null)] // A later leader may have replaced what was not committed.
    [InlineData(8, 3, 8, 20, null)]
    [InlineData(6, 2, 6, 50, "it had spoken in term 7, its store knows of no term after 6")]
    [InlineData(0, 0, 0, 0, "it had spoken in term 7, its store knows of no term after 0")]
    [InlineData(7, 0, 7, 12, "it had voted in term 7, its store does not know for whom")]
    [InlineData(7, 3, 7, 12, "it had voted in term 7, its store does not know for whom")]
    [InlineData(7, 2, 7, 11, "it had the log up to 7/12, its store has it up to 7/11")]
    [InlineData(7, 2, 6, 20, "it had the log up to 7/12, its store has it up to 6/20")] // Longer, by entries that were replaced in term 7.
    public void A_store_that_has_less_than_was_said_forgot(ulong term, ulong votedFor, ulong lastTerm, ulong lastIndex, string? forgotten) =>
        Assert.Equal(forgotten, new Promises(7, 2, 12).DescribeForgotten(Presented(term, votedFor, lastTerm, lastIndex)));

    [Fact]
    public void Of_a_replica_that_was_only_heard_nothing_can_be_missing()
    {
        Assert.Null(default(Promises).DescribeForgotten(Presented(0, 0, 0, 0)));
        Assert.Null(new Promises(7, 0, 0).DescribeForgotten(Presented(7, 0, 3, 1)));
    }

    private static Presentation Presented(ulong term, ulong votedFor, ulong lastTerm, ulong lastIndex) =>
        new(Guid.Empty, 2, Guid.Empty, term, votedFor, lastTerm, lastIndex);

    private static EntryId Id(ulong term, ulong index) => new(new(term), new(index));

    private static LogEntry Entry(ulong term, ulong index) => new(Id(term, index), EntryKind.Command, default);
}
