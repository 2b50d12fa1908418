using Microsoft.Extensions.DependencyInjection;
using MultiDc.Client;
using MultiDc.Client.Locks;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Replication;
using MultiDc.Server.Trust;
using MultiDc.Testing.Cluster;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class LockClusterTests(SharedCluster shared)
{
    private MultiDcTestCluster Cluster => shared.Cluster;

    private IMultiDcClient Other => Cluster.Clients[new("dc3")];

    [Fact]
    public async Task A_lease_ends_with_its_keys_unless_it_is_kept_alive()
    {
        var ended = Assert.IsType<Applied>(await Cluster.Client.GrantLeaseAsync("default", "{lease}", LeaseLimits.MinTtl)).LeaseOf();
        var kept = Assert.IsType<Applied>(await Other.GrantLeaseAsync("default", "{lease}", TimeSpan.FromHours(1))).LeaseOf();
        Assert.IsType<Applied>(await Cluster.Client.PutAsync("default", "{lease}/ends", "v", ended));
        Assert.IsType<Applied>(await Cluster.Client.PutAsync("default", "{lease}/stays", "v", kept));
        var status = (await Other.GetLeaseAsync("default", "{lease}", kept)).Lease!;
        Assert.Equal((kept, TimeSpan.FromHours(1), "{lease}/stays"), (status.Lease, status.Ttl, System.Text.Encoding.UTF8.GetString(Assert.Single(status.Keys).Span)));
        Assert.InRange(status.Remaining, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));

        await Cluster.WaitAsync("the lease ended", () => Other.GetLeaseAsync("default", "{lease}", ended), static reply => reply is { Lease: null, Rejection: null }, static reply => $"{reply}");
        Assert.Null(Assert.IsType<ReadServed>(await Other.GetAsync("default", "{lease}/ends")).Entry);
        Assert.Equal(kept, Assert.IsType<ReadServed>(await Other.GetAsync("default", "{lease}/stays")).Entry!.Lease);
        Assert.Equal(ended, Assert.Single(Assert.IsType<AppliedKeepAlive>(await Other.KeepAliveAsync("default", "{lease}", [ended, kept])).Lost));
        Assert.IsType<Applied>(await Other.RevokeLeaseAsync("default", "{lease}", kept));
        Assert.Null(Assert.IsType<ReadServed>(await Other.GetAsync("default", "{lease}/stays")).Entry);
    }

    [Fact]
    public async Task Replicas_tell_each_other_how_long_leases_live()
    {
        var lease = Assert.IsType<Applied>(await Cluster.Client.GrantLeaseAsync("default", "{told}", TimeSpan.FromHours(1))).LeaseOf();
        var shard = RingSnapshot.ShardOf((await Cluster.Client.GetRingAsync())!.Keyspaces.Single(static keyspace => keyspace.Name == "default"), "{told}"u8);
        foreach (var silo in Cluster.Silos)
        {
            var peer = silo.Services.GetRequiredService<IGrainFactory>().GetGrain<IReplicaPeerGrain>(new ReplicaAddress(shard, silo.Datacenter).ToString());
            var told = await Cluster.WaitAsync(
                "the replica knows the lease",
                () => peer.GetRemainingLeasesAsync(silo.Services.GetRequiredService<SiloGate>().Own),
                leases => leases.Any(one => one.Lease == lease),
                static leases => $"{leases.Length} leases");
            Assert.InRange(told.Single(one => one.Lease == lease).Remaining, TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
        }

        await Cluster.Client.RevokeLeaseAsync("default", "{told}", lease);
    }

    [Fact]
    public async Task Whoever_wants_a_place_of_a_semaphore_gets_one_in_the_end_and_no_more_at_a_time_than_there_are()
    {
        var (inside, most) = (0, 0);
        await Task.WhenAll(Cluster.Clients.Values.SelectMany(static client => Enumerable.Repeat(client, 4)).Select(async client =>
        {
            using var locks = new MultiDcLocks(client, TimeProvider.System, Random.Shared.NextDouble);
            await using var place = await locks.AcquireSemaphoreAsync("default", "seats", 2, TimeSpan.FromSeconds(30));
            most = Math.Max(most, Interlocked.Increment(ref inside));
            Assert.IsType<AppliedNumber>(await client.AddAsync("default", "{seats}/count", 1, place.Guard));
            Interlocked.Decrement(ref inside);
        }));
        Assert.InRange(most, 1, 2);
        Assert.Equal("12", Assert.IsType<ReadServed>(await Other.GetAsync("default", "{seats}/count")).Entry!.ValueText());
    }

    [Fact]
    public async Task A_holder_that_was_paused_past_its_life_writes_nothing_any_more()
    {
        // It is paused: nobody renews its lease, and it does not look at its clock either.
        var paused = new MultiDcLocks(Cluster.Client, TimeProvider.System, Random.Shared.NextDouble);
        await using var first = await paused.AcquireAsync("default", "job", LeaseLimits.MinTtl, "first");
        paused.Dispose();

        using var locks = new MultiDcLocks(Other, TimeProvider.System, Random.Shared.NextDouble);
        await using var second = await locks.AcquireAsync("default", "job", TimeSpan.FromSeconds(30), "second");
        Assert.Equal(RejectionReason.FencingTokenStale, Assert.IsType<Rejected>(await Cluster.Client.PutAsync("default", "{job}/done", "twice", first.Guard)).Reason);
        Assert.IsType<Applied>(await Other.PutAsync("default", "{job}/done", "once", second.Guard));
        Assert.Equal("second", (await paused.GetHolderAsync("default", "job"))!.Holder);
        Assert.True(second.Token.Value > first.Token.Value);
    }

    [Fact]
    public async Task Whoever_wants_it_gets_it_in_the_end_and_only_one_at_a_time()
    {
        var (inside, most) = (0, 0);
        await Task.WhenAll(Cluster.Clients.Values.SelectMany(static client => Enumerable.Repeat(client, 4)).Select(async client =>
        {
            using var locks = new MultiDcLocks(client, TimeProvider.System, Random.Shared.NextDouble);
            await using var held = await locks.AcquireAsync("default", "crowd", TimeSpan.FromSeconds(30));
            most = Math.Max(most, Interlocked.Increment(ref inside));
            Assert.IsType<AppliedNumber>(await client.AddAsync("default", "{crowd}/count", 1, held.Guard));
            Interlocked.Decrement(ref inside);
        }));
        Assert.Equal(1, most);
        Assert.Equal("12", Assert.IsType<ReadServed>(await Other.GetAsync("default", "{crowd}/count")).Entry!.ValueText());
    }
}
