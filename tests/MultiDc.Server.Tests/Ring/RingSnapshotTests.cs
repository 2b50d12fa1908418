using System.Collections.Immutable;
using CsCheck;
using MultiDc.Ring;

namespace MultiDc.Server.Tests.Ring;

public sealed class RingSnapshotTests
{
    private static readonly DatacenterId Ber = new("ber");
    private static readonly DatacenterId Fra = new("fra");

    [Fact]
    public void Members_stay_sorted_and_distinct_and_the_version_counts_changes() =>
        Gen.Select(Gen.Bool, Gen.Select(Gen.Int[0, 4], Gen.Int[1, 2]).Array[0, 5]).Array[1, 12].Sample(
            static changes =>
            {
                var ring = RingSnapshot.Empty;
                foreach (var (isBer, members) in changes)
                {
                    var datacenter = isBer ? Ber : Fra;
                    var next = ring.WithMembersOf(datacenter, members.Select(m => new RingMember($"s{m.Item1}", datacenter, m.Item2)));
                    Assert.Equal(ring.Members.SequenceEqual(next.Members) ? ring.Version.Value : ring.Version.Value + 1, next.Version.Value);
                    Assert.Equal(next.Members.OrderBy(static m => m.Silo, StringComparer.Ordinal).ThenBy(static m => m.Datacenter), next.Members);
                    Assert.Equal(next.Members.Length, next.Members.DistinctBy(static m => (m.Silo, m.Datacenter)).Count());
                    Assert.Equal(members.Select(static m => $"s{m.Item1}").Distinct().Order(), next.Members.Where(m => m.Datacenter == datacenter).Select(static m => m.Silo));
                    Assert.Equal(ring.Members.Where(m => m.Datacenter != datacenter), next.Members.Where(m => m.Datacenter != datacenter));
                    Assert.Same(next, next.WithMembersOf(datacenter, members.Reverse().Select(m => new RingMember($"s{m.Item1}", datacenter, m.Item2))));
                    ring = next;
                }
            },
            iter: 300);

    [Fact]
    public void Two_datacenters_whose_silos_have_the_same_names_do_not_change_the_ring_in_turns()
    {
        RingMember[] ber = [new("s1", Ber, 1), new("s2", Ber, 1)];
        RingMember[] fra = [new("s1", Fra, 1), new("s2", Fra, 1)];
        var ring = RingSnapshot.Empty.WithMembersOf(Fra, fra).WithMembersOf(Ber, ber);
        Assert.Same(ring, ring.WithMembersOf(Fra, fra));
        Assert.Same(ring, ring.WithMembersOf(Ber, ber));
    }

    [Fact]
    public void Keyspaces_are_added_once_sorted_and_never_changed()
    {
        var ring = RingSnapshot.Empty.WithKeyspace(new("b", 2, [Ber])).WithKeyspace(new("a", 1, [Ber])).WithKeyspace(new("c", 1, [Ber]));
        Assert.Equal((3UL, "a,b,c"), (ring.Version.Value, string.Join(',', ring.Keyspaces.Select(static k => k.Name))));
        Assert.Same(ring, ring.WithKeyspace(new("b", 2, [Ber])));
        Assert.Contains("exists with 2 shards in ber", Assert.Throws<ArgumentException>(() => ring.WithKeyspace(new("b", 3, [Ber]))).Message);
    }

    [Fact]
    public void A_replica_falls_to_a_silo_of_its_own_datacenter()
    {
        var ring = RingSnapshot.Empty.WithMembersOf(Ber, [new("b1", Ber, 1), new("b2", Ber, 1)]).WithMembersOf(Fra, [new("f1", Fra, 1)]);
        Assert.All(Enumerable.Range(0, 50), i => Assert.Equal("f1", ring.SiloOf(new(new("k", i), Fra))));
        Assert.Equal(["b1", "b2"], Enumerable.Range(0, 50).Select(i => ring.SiloOf(new(new("k", i), Ber))).Distinct().Order());
        Assert.Null(ring.SiloOf(new(new("k", 0), new("par"))));

        // The second replica of a shard falls to another silo, if there is one.
        Assert.All(Enumerable.Range(0, 50), i => Assert.Equal(["b1", "b2"], new[] { ring.SiloOf(new(new("k", i), Ber)), ring.SiloOf(new(new("k", i), Ber, 2)) }.Order()));
        Assert.Null(ring.SiloOf(new(new("k", 0), Fra, 2)));
    }

    [Theory]
    [InlineData("Orders", 1, "ber", "no keyspace name")]
    [InlineData("orders", 0, "ber", "0 shards; 1 to 4096")]
    [InlineData("orders", 4097, "ber", "4097 shards; 1 to 4096")]
    [InlineData("orders", 1, "", "has no datacenter")]
    [InlineData("orders", 1, "fra,ber", "sorted")]
    [InlineData("orders", 1, "ber,ber", "sorted")]
    [InlineData("orders", 1, "ber,fra", null)]
    [InlineData("orders", 1, "ber,fra,par", null, "par")]
    [InlineData("orders", 1, "ber,fra,muc,par,rom", null, "muc,rom")]
    [InlineData("orders", 1, "ber,fra,muc,par,rom", "sorted, distinct and among its datacenters", "rom,muc")]
    [InlineData("orders", 1, "ber,fra,par", "sorted, distinct and among its datacenters", "muc")]
    [InlineData("orders", 1, "ber,fra,par", "sorted, distinct and among its datacenters", "par,par")]
    [InlineData("orders", 1, "ber,fra,par", "must hold data", "fra,par")]
    [InlineData("orders", 1, "ber,fra", "must hold data", "fra")]
    public void A_keyspace_says_what_is_wrong_with_it(string name, int shards, string datacenters, string? problem, string witnesses = "")
    {
        var told = new KeyspaceDescriptor(name, shards, Ids(datacenters), Ids(witnesses)).DescribeProblem();
        Assert.True(problem is null ? told is null : told?.Contains(problem) == true, told);

        static ImmutableArray<DatacenterId> Ids(string names) => [.. names.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static d => new DatacenterId(d))];
    }

    [Fact]
    public void A_keyspace_with_a_witness_is_another_than_one_without()
    {
        var par = new DatacenterId("par");
        var ring = RingSnapshot.Empty.WithKeyspace(new("a", 1, [Ber, Fra, par], [par]));
        Assert.Same(ring, ring.WithKeyspace(new("a", 1, [Ber, Fra, par], [par])));
        Assert.Contains("exists with 1 shards in ber, fra, par, witnesses par", Assert.Throws<ArgumentException>(() => ring.WithKeyspace(new("a", 1, [Ber, Fra, par]))).Message);
        Assert.Equal([Ber, Fra], ring.Keyspaces[0].FullDatacenters.AsEnumerable());

        // As a client of an earlier version sends it.
        Assert.Equal(new KeyspaceDescriptor("b", 1, [Ber], []), new KeyspaceDescriptor("b", 1, [Ber], default));
    }

    [Theory]
    [InlineData("orders/3@ber", true)]
    [InlineData("multidc.ring/0@ber", true)]
    [InlineData("orders~17/3@ber", true)]
    [InlineData("orders~/3@ber", false)]
    [InlineData("orders~0/3@ber", false)]
    [InlineData("orders~017/3@ber", false)]
    [InlineData("orders~-1/3@ber", false)]
    [InlineData("orders~1~2/3@ber", false)]
    [InlineData("~1/3@ber", false)]
    [InlineData("orders~99999999999999999999/3@ber", false)]
    [InlineData("orders/3@ber#2", true)]
    [InlineData("orders/3@ber#7", true)]
    [InlineData("orders/3@ber#8", false)]
    [InlineData("orders/3@ber#1", false)]
    [InlineData("orders/3@ber#0", false)]
    [InlineData("orders/3@ber#02", false)]
    [InlineData("orders/3@ber#", false)]
    [InlineData("orders/3@#2", false)]
    [InlineData("orders/3#2@ber", false)]
    [InlineData("orders#2/3@ber", false)]
    [InlineData("orders/3@ber#2#3", false)]
    [InlineData("orders~17/3@ber#2", true)]
    [InlineData("orders~017/3@ber#2", false)]
    [InlineData("orders~17/3@ber#1", false)]
    [InlineData("orders~17#2/3@ber", false)]
    [InlineData("orders/3@ber~17", false)]
    [InlineData("orders/3@ber#2~17", false)]
    [InlineData("orders/03@ber", false)]
    [InlineData("orders/-1@ber", false)]
    [InlineData("orders/ 1@ber", false)]
    [InlineData("orders/1@", false)]
    [InlineData("/1@ber", false)]
    [InlineData("orders@ber", false)]
    [InlineData("orders/1", false)]
    [InlineData("orders/1@ber@fra", false)]
    [InlineData("orders/99999999999@ber", false)]
    [InlineData("Orders/1@ber", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Only_the_text_of_a_replica_is_one(string? text, bool isOne)
    {
        Assert.Equal(isOne, ReplicaAddress.TryParse(text, out var address));
        Assert.True(!isOne || address.ToString() == text);
    }
}
