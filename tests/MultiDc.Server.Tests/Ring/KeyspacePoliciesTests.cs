using Microsoft.Extensions.Options;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Hosting;
using MultiDc.Server.Replication;
using MultiDc.Server.Ring;

namespace MultiDc.Server.Tests.Ring;

public sealed class KeyspacePoliciesTests
{
    private readonly MultiDcOptions options = new() { PreferredLeaderDatacenters = { "par" } };

    [Fact]
    public void A_keyspace_without_preferred_leaders_has_those_of_the_silo()
    {
        var policies = new KeyspacePolicies(Options.Create(options));
        Assert.Equal([GroupMembers.TagOf(new("par"))], policies.LeadersOf("k"));
        var ring = Ring();
        policies.Learn(ring);
        Assert.Equal([GroupMembers.TagOf(new("par"))], policies.LeadersOf("k"));
        policies.Learn(ring.WithChange("k", new() { PreferredLeaders = [new("fra"), new("ber")] }));
        Assert.Equal([GroupMembers.TagOf(new("fra")), GroupMembers.TagOf(new("ber"))], policies.LeadersOf("k"));

        // An older ring changes nothing.
        policies.Learn(ring);
        Assert.Equal(2, policies.LeadersOf("k").Count);
    }

    [Fact]
    public void Who_watches_is_called_when_its_keyspaces_leaders_change_and_not_otherwise()
    {
        var policies = new KeyspacePolicies(Options.Create(options));
        var calls = new List<string>();
        var k = policies.WhenLeadersChange("k", () => calls.Add("k"));
        using var other = policies.WhenLeadersChange("other", () => calls.Add("other"));
        var ring = Ring();
        policies.Learn(ring);
        policies.Learn(ring = ring.WithChange("k", new() { MaxValueBytes = 3 }));
        policies.Learn(ring = ring.WithChange("k", new() { PreferredLeaders = [new("par")] }));
        Assert.Empty(calls);
        policies.Learn(ring = ring.WithChange("k", new() { PreferredLeaders = [new("ber")] }));
        Assert.Equal(["k"], calls);
        k.Dispose();
        policies.Learn(ring.WithChange("k", new() { PreferredLeaders = [new("fra")] }));
        Assert.Equal(["k"], calls);
    }

    [Fact]
    public void A_limit_holds_as_soon_as_it_is_known()
    {
        var policies = new KeyspacePolicies(Options.Create(options));
        var put = new PutOperation("k"u8.ToArray(), new byte[4]);
        Assert.Null(policies.DescribeProblem("k", put));
        policies.Learn(Ring().WithChange("k", new() { MaxValueBytes = 3 }));
        Assert.NotNull(policies.DescribeProblem("k", put));
        Assert.Null(policies.DescribeProblem("other", put));
    }

    private static RingSnapshot Ring() => RingSnapshot.Empty.WithKeyspace(new("k", 1, [new("ber"), new("fra"), new("par")])).WithKeyspace(new("other", 1, [new("ber")]));
}
