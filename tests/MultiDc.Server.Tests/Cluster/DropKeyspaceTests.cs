using System.Text;
using Microsoft.Extensions.DependencyInjection;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Storage;
using MultiDc.Testing.Cluster;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>A keyspace is dropped: refused everywhere, erased from every store, and nothing of it is in the one that takes its name.</summary>
[Collection(ClusterTests.Name)]
public sealed class DropKeyspaceTests
{
    private static readonly MultiDcTestClusterOptions ThreeSilos = new() { SilosPerDatacenter = 1, ShardCount = 2 };

    [Fact]
    public async Task Once_dropped_it_is_refused_by_all_erased_and_its_name_is_free_for_another()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        await FillAsync(cluster, "orders", 4);
        var elsewhere = cluster.Clients[new("dc2")];
        await using var watch = elsewhere.WatchAsync("orders", WatchFilter.Prefix(default)).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync());
        var token = watch.Current.Token;
        var ended = EndOfAsync(watch);
        var session = new ReadSession();
        Assert.IsType<Applied>(await cluster.Client.InSession(session).PutAsync("orders", "k1", "mine", Patience));

        Assert.IsType<Applied>(await cluster.Client.DropKeyspaceAsync("orders"));

        // A client that has not heard of it asks the replicas themselves.
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<Rejected>(await elsewhere.PutAsync("orders", "k1", "v", Patience)).Reason);
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<ReadRejected>(await cluster.Clients[new("dc3")].GetAsync("orders", "k1", Patience)).Reason);
        Assert.Equal(RejectionReason.UnknownKeyspace, (await ended.WaitAsync(Patience)).Reason);
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<Rejected>(await cluster.Client.DropKeyspaceAsync("orders")).Reason);
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<Rejected>(await cluster.Client.AlterKeyspaceAsync("orders", new() { MaxValueBytes = 9 })).Reason);
        await ErasedAsync(cluster, "orders", cluster.Silos);

        // Whatever stays of the old one, nothing of it is in the new one: no keys, no session, no token.
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync("orders", 4));
        await KnownEverywhereAsync(cluster, "orders");
        Assert.Empty(await ScanAsync(elsewhere));
        Assert.Null(Assert.IsType<ReadServed>(await cluster.Client.InSession(session).GetAsync("orders", "k1", Patience)).Entry);
        Assert.IsType<Applied>(await elsewhere.InSession(session).PutAsync("orders", "k1", "new", Patience));
        Assert.Equal("new", Assert.IsType<ReadServed>(await cluster.Client.InSession(session).GetAsync("orders", "k1", Patience)).Entry!.ValueText());
        var refused = await Assert.ThrowsAsync<MultiDcUnavailableException>(async () => await elsewhere.WatchAsync("orders", WatchFilter.Prefix(default), WatchStart.After(token)).FirstAsync());
        Assert.Contains("was dropped", refused.Message);
        Assert.Equal(["k1"], await ScanAsync(cluster.Client));
    }

    [Fact]
    public async Task A_silo_that_was_down_erases_its_own_when_it_is_back()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        await FillAsync(cluster, "orders", 2);
        await cluster.WaitForReplicasAsync("all replicas run", static all => all.Count(static s => s.Replica.StartsWith("orders/", StringComparison.Ordinal) && s.State == "running") == 6);
        var away = cluster.Silo("dc3/silo-1");
        await away.CrashAsync();

        // The ring may have lost its leader, and is not changed before it has another.
        await cluster.WaitAsync("the ring can be changed", () => cluster.Client.AlterKeyspaceAsync("orders", new() { MaxValueBytes = 100 }), static altered => altered is Applied, static altered => $"{altered}");
        var dropped = await cluster.Client.DropKeyspaceAsync("orders");
        Assert.True(dropped is Applied, dropped.ToString());
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync("orders", 2));
        await ErasedAsync(cluster, "orders", cluster.Silos.Where(silo => silo != away));

        await away.StartAsync();
        await ErasedAsync(cluster, "orders", [away]);
        await KnownEverywhereAsync(cluster, "orders");
        Assert.IsType<Applied>(await cluster.Clients[new("dc3")].PutAsync("orders", "k9", "v", Patience));
        Assert.Equal(["k9"], await ScanAsync(cluster.Clients[new("dc3")]));
        await cluster.WaitForReplicasAsync("the new keyspace runs everywhere", static all => all.Count(static s => s.Replica.StartsWith("orders~", StringComparison.Ordinal) && s.State == "running") == 6);
    }

    [Fact]
    public async Task All_replicas_of_each_datacenter_end_and_are_erased_and_the_name_is_free_for_as_many()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 1 });
        await cluster.WaitUntilAllRunAsync();
        var keyspace = TwoTwoOne(2);
        await FillAsync(cluster, keyspace);
        await cluster.WaitForReplicasAsync("all replicas run", static all => all.Count(static s => s.Replica.StartsWith("orders/", StringComparison.Ordinal) && s is { State: "running", Leader: not null }) == 10);
        Assert.Equal(10, (await HeldAsync(cluster, "orders", static (_, _) => Task.FromResult(true))).Length);

        Assert.IsType<Applied>(await cluster.Client.DropKeyspaceAsync("orders"));
        await ErasedAsync(cluster, "orders", cluster.Silos);
        Assert.Equal(
            from place in keyspace.Places from number in Enumerable.Range(0, 2) select ReplicaAddress.Of(new("orders", number), place).ToString() into replica orderby replica select replica,
            await HeldAsync(cluster, "orders", static (records, replica) => records.IsErasedAsync(replica).AsTask()));

        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(keyspace));
        await KnownEverywhereAsync(cluster, "orders");
        Assert.Empty(await ScanAsync(cluster.Clients[new("dc2")]));
        Assert.IsType<Applied>(await cluster.Clients[new("dc2")].PutAsync("orders", "k1", "new", Patience));
        Assert.Equal(["k1"], await ScanAsync(cluster.Clients[new("dc3")]));
        await cluster.WaitForReplicasAsync(
            "as many replicas of the new keyspace run", static all => all.Count(static s => s.Replica.StartsWith("orders~", StringComparison.Ordinal) && s is { State: "running", Leader: not null }) == 10);
    }

    [Fact]
    public async Task One_of_two_replicas_in_each_of_two_datacenters_is_no_majority_of_five()
    {
        await using var cluster = await StartAsync(new() { ShardCount = 1 });
        await cluster.WaitUntilAllRunAsync();
        await FillAsync(cluster, TwoTwoOne(1));
        var all = await cluster.WaitForReplicasAsync("all replicas run", static all => all.Count(static s => s.Replica.StartsWith("orders/", StringComparison.Ordinal) && s is { State: "running", Leader: not null }) == 5);

        // The ring stays where it is, in two of three datacenters.
        var staying = all.Where(static s => s.Replica is "multidc.ring/0@dc1" or "multidc.ring/0@dc2").Select(static s => s.Silo).ToArray();
        var dead = cluster.Silos.Where(silo => !staying.Contains(silo.Name)).ToArray();
        await Task.WhenAll(dead.Select(static silo => silo.CrashAsync()));
        await cluster.WaitForRingAsync("the dead silos are known to be dead", static ring => ring.Members.Count(static m => m.Datacenter.Value != "dc3") == 2);

        var dropped = await cluster.Client.DropKeyspaceAsync("orders");
        Assert.Contains("of 1 of its 1 shards no majority", Assert.IsType<Unknown>(dropped).Detail);
        await ErasedAsync(cluster, "orders", cluster.Silos.Except(dead));

        await Task.WhenAll(dead.Select(static silo => silo.StartAsync()));
        await ErasedAsync(cluster, "orders", cluster.Silos);
        Assert.Equal(5, (await HeldAsync(cluster, "orders", static (records, replica) => records.IsErasedAsync(replica).AsTask())).Length);
    }

    [Fact]
    public async Task What_is_not_to_be_dropped_is_refused()
    {
        await using var cluster = await StartAsync(ThreeSilos);
        await cluster.WaitUntilAllRunAsync();
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<Rejected>(await cluster.Client.DropKeyspaceAsync("nowhere")).Reason);
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<Rejected>(await cluster.Client.DropKeyspaceAsync(ShardId.Ring.Keyspace)).Reason);
        var configured = Assert.IsType<Rejected>(await cluster.Client.DropKeyspaceAsync("default"));
        Assert.Equal(RejectionReason.InvalidArgument, configured.Reason);
        Assert.Contains("MultiDc:Keyspaces", configured.Detail);
        Assert.Contains((await cluster.Client.ListKeyspacesAsync())!, static k => k.Name == "default");
    }

    private static KeyspaceDescriptor TwoTwoOne(int shards) => new("orders", shards, [new("dc1"), new("dc2"), new("dc3")]) { Replicas = [2, 2, 1] };

    private static Task FillAsync(MultiDcTestCluster cluster, string keyspace, int shards) =>
        FillAsync(cluster, new(keyspace, shards, [.. cluster.Options.Datacenters.Select(static name => new DatacenterId(name))]));

    private static async Task FillAsync(MultiDcTestCluster cluster, KeyspaceDescriptor keyspace)
    {
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(keyspace));
        for (var i = 0; i < 20; i++)
        {
            Assert.IsType<Applied>(await cluster.Client.PutAsync(keyspace.Name, $"k{i}", $"v{i}", Patience));
        }
    }

    // Which of a keyspace's replicas the stores have of which it holds, sorted: every one once, as no two are on one store.
    private static async Task<string[]> HeldAsync(MultiDcTestCluster cluster, string group, Func<ReplicaRecords, ReplicaAddress, Task<bool>> holds)
    {
        var held = new List<string>();
        foreach (var silo in cluster.Silos)
        {
            foreach (var name in await silo.Services.GetRequiredService<IReplicaStore>().ListReplicasAsync())
            {
                if (ReplicaAddress.TryParse(name.Value, out var replica) && replica.Shard.Keyspace == group && await holds(silo.Services.GetRequiredService<ReplicaRecords>(), replica))
                {
                    held.Add(name.Value);
                }
            }
        }

        return [.. held.Order()];
    }

    // Every datacenter learns of it by itself.
    private static async Task KnownEverywhereAsync(MultiDcTestCluster cluster, string keyspace)
    {
        foreach (var client in cluster.Clients.Values)
        {
            await cluster.WaitAsync(
                $"keyspace {keyspace} is known", () => client.ListKeyspacesAsync(), all => all?.Any(k => k.Name == keyspace) == true, static all => string.Join(", ", all?.Select(static k => k.Group) ?? []));
        }
    }

    // As the stores have it: every replica is known to have ended, and has neither entries nor rows.
    private static async Task ErasedAsync(MultiDcTestCluster cluster, string group, IEnumerable<TestSilo> silos)
    {
        foreach (var silo in silos)
        {
            var store = silo.Services.GetRequiredService<IReplicaStore>();
            var records = silo.Services.GetRequiredService<ReplicaRecords>();
            await cluster.WaitAsync(
                $"{silo.Name} has erased '{group}'",
                async () =>
                {
                    var left = new List<ReplicaAddress>();
                    foreach (var name in await store.ListReplicasAsync())
                    {
                        if (ReplicaAddress.TryParse(name.Value, out var replica) && replica.Shard.Keyspace == group && !await records.IsErasedAsync(replica))
                        {
                            left.Add(replica);
                        }
                    }

                    return left;
                },
                static left => left.Count == 0,
                static left => string.Join(", ", left));
            foreach (var name in (await store.ListReplicasAsync()).Where(name => name.Value.StartsWith($"{group}/", StringComparison.Ordinal)))
            {
                await using var opened = (await store.OpenAsync(name, null))!;
                Assert.Empty(opened.Recovered.Entries);
                using var view = opened.State.OpenView();
                Assert.Empty(await view.ScanAsync(default, null).ToArrayAsync());
            }
        }
    }

    private static async Task<MultiDcUnavailableException> EndOfAsync(IAsyncEnumerator<WatchBatch> watch) => await Assert.ThrowsAsync<MultiDcUnavailableException>(async () =>
    {
        while (await watch.MoveNextAsync())
        {
        }
    });

    private static async Task<string[]> ScanAsync(IMultiDcClient client) => await client.ScanAsync("orders", "", Patience).Select(static entry => Encoding.UTF8.GetString(entry.Key.Span)).ToArrayAsync();
}
