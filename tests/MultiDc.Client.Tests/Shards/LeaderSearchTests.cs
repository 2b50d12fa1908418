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
        Assert.Equal(C, Search([A, B, C], B, C).Current);
        Assert.Equal(B, Search([A, B, C], B, null).Current);
        Assert.Equal(A, Search([A, B, C], new("elsewhere"), null).Current);
        Assert.Equal(A, Search([A, B, C], B, new DatacenterId("gone")).Current);
    }

    [Fact]
    public void It_follows_a_hint_at_once()
    {
        var search = Search([A, B, C], A, null);
        Assert.True(search.MoveNext(C));
        Assert.Equal(C, search.Current);
    }

    [Fact]
    public void A_hint_at_a_replica_that_just_failed_or_that_nobody_knows_is_not_followed()
    {
        var search = Search([A, B, C], A, null);
        search.MoveNext(null);
        Assert.Equal(B, search.Current);
        Assert.True(search.MoveNext(A));
        Assert.Equal(C, search.Current);
        search = Search([A, B, C], A, null);
        Assert.True(search.MoveNext(new DatacenterId("unknown")));
        Assert.Equal(B, search.Current);
    }

    [Fact]
    public void Each_is_asked_once_before_it_pauses_and_then_all_again()
    {
        var search = Search([A, B, C], B, null);
        for (var round = 0; round < 3; round++)
        {
            var asked = new HashSet<ReplicaPlace> { search.Current };
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
        var search = Search([A], A, null);
        Assert.False(search.MoveNext(A));
        Assert.Equal(A, search.Current);
    }

    [Fact]
    public void What_is_down_comes_last_and_a_hint_at_it_is_not_followed_before_the_others_were_asked()
    {
        Assert.Equal(A, Search([A, B, C], A, C, down: C).Current);
        Assert.Equal(B, Search([A, B, C], A, null, down: A).Current);
        Assert.Equal(C, Search([A, B, C], C, B, down: B).Current);
        var search = Search([A, B, C], A, null, down: B);
        Assert.True(search.MoveNext(B));
        Assert.Equal(C, search.Current);
        Assert.True(search.MoveNext(B));
        Assert.Equal(B, search.Current);
        Assert.False(search.MoveNext(null));
        Assert.NotEqual(B, search.Current);
    }

    [Fact]
    public void When_all_are_down_all_are_asked()
    {
        var search = Search([A, B], A, null, down: [A, B]);
        Assert.Equal(A, search.Current);
        Assert.True(search.MoveNext(null));
        Assert.Equal(B, search.Current);
        Assert.False(search.MoveNext(null));
        Assert.Equal(A, search.Current);
    }

    [Fact]
    public void A_hint_names_one_of_a_datacenters_replicas_and_all_of_them_are_asked()
    {
        var second = new ReplicaPlace(A, 2);
        var search = Search([A, B, C, second], A, null);
        Assert.Equal(A, search.Current);
        Assert.True(search.MoveNext(second));
        Assert.Equal(second, search.Current);
        Assert.True(search.MoveNext(second));
        Assert.Equal(B, search.Current);
        Assert.Equal(second, Search([A, B, C, second], B, second).Current);
        search = Search([A, B, C, second], A, null);
        Assert.True(search.MoveNext(null) && search.MoveNext(null) && search.MoveNext(null));
        Assert.Equal(second, search.Current);
        Assert.False(search.MoveNext(null));
    }

    private static LeaderSearch Search(IReadOnlyList<ReplicaPlace> replicas, DatacenterId local, ReplicaPlace? leader, params DatacenterId[] down) =>
        new(replicas, local, leader, datacenter => !down.Contains(datacenter));
}
