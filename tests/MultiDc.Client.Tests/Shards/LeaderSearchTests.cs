using MultiDc.Routing.Shards;

namespace MultiDc.Client.Tests.Shards;

public sealed class LeaderSearchTests
{
    private static readonly DatacenterId A = new("a");
    private static readonly DatacenterId B = new("b");
    private static readonly DatacenterId C = new("c");

    [Fact]
    public void It_begins_with_the_leader_last_seen_else_at_home_else_anywhere()
    {
        Assert.Equal(C, new LeaderSearch([A, B, C], B, C).Current);
        Assert.Equal(B, new LeaderSearch([A, B, C], B, null).Current);
        Assert.Equal(A, new LeaderSearch([A, B, C], new("elsewhere"), null).Current);
        Assert.Equal(A, new LeaderSearch([A, B, C], B, new("gone")).Current);
    }

    [Fact]
    public void It_follows_a_hint_at_once()
    {
        var search = new LeaderSearch([A, B, C], A, null);
        Assert.True(search.MoveNext(C));
        Assert.Equal(C, search.Current);
    }

    [Fact]
    public void A_hint_at_a_replica_that_just_failed_or_that_nobody_knows_is_not_followed()
    {
        var search = new LeaderSearch([A, B, C], A, null);
        search.MoveNext(null);
        Assert.Equal(B, search.Current);
        Assert.True(search.MoveNext(A));
        Assert.Equal(C, search.Current);
        search = new LeaderSearch([A, B, C], A, null);
        Assert.True(search.MoveNext(new("unknown")));
        Assert.Equal(B, search.Current);
    }

    [Fact]
    public void Each_is_asked_once_before_it_pauses_and_then_all_again()
    {
        var search = new LeaderSearch([A, B, C], B, null);
        for (var round = 0; round < 3; round++)
        {
            var asked = new HashSet<DatacenterId> { search.Current };
            Assert.True(search.MoveNext(null));
            Assert.True(asked.Add(search.Current));
            Assert.True(search.MoveNext(null));
            Assert.True(asked.Add(search.Current));
            Assert.False(search.MoveNext(null));
        }
    }

    [Fact]
    public void A_single_replica_is_asked_again_after_a_pause()
    {
        var search = new LeaderSearch([A], A, null);
        Assert.False(search.MoveNext(A));
        Assert.Equal(A, search.Current);
    }
}
