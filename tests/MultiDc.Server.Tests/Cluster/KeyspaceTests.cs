using System.Text;
using MultiDc.Client;
using MultiDc.Ring;
using MultiDc.Testing.Cluster;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class KeyspaceTests(SharedCluster shared)
{
    private readonly MultiDcTestCluster cluster = shared.Cluster;

    [Fact]
    public async Task A_keyspace_of_ranges_is_scanned_shard_by_shard_in_key_order_and_keeps_keys_where_they_belong()
    {
        var created = KeyspaceDescriptor.OfRanges("ranges", [Bytes("g"), Bytes("p")]);
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(created));
        await KnownEverywhereAsync("ranges");
        var keys = "a f fz g gg o p z".Split(' ');
        foreach (var key in keys.Reverse())
        {
            Assert.IsType<Applied>(await cluster.Client.PutAsync("ranges", key, $"v{key}", MultiDcTestCluster.Patience));
        }

        foreach (var client in cluster.Clients.Values)
        {
            Assert.Equal(keys, await client.ScanAsync("ranges", "").Select(static entry => entry.KeyText()).ToArrayAsync());
            Assert.Equal(["g", "gg"], await client.ScanAsync("ranges", "g").Select(static entry => entry.KeyText()).ToArrayAsync());
            Assert.Equal("vo", Assert.IsType<ReadServed>(await client.GetAsync("ranges", "o", MultiDcTestCluster.Patience)).Entry!.ValueText());
            Assert.Contains((await client.ListKeyspacesAsync())!, k => k.DescribeOther(created with { Datacenters = k.Datacenters }) is null && k.Name == "ranges");
        }

        // As a client that takes it for a keyspace of hashes would: neither read nor written in another shard.
        foreach (var datacenter in cluster.Options.Datacenters)
        {
            var replica = cluster.Replica(new(new("ranges", 0), new(datacenter)));
            Assert.Equal(RejectionReason.WrongShard, Assert.IsType<ReadRejected>(await replica.ReadAsync(new(Bytes("o"), MultiDcTestCluster.Patience))).Reason);
            Assert.Equal(RejectionReason.WrongShard, Assert.IsType<ReadRejected>(await replica.ReadStaleAsync(new(Bytes("o"), null, MultiDcTestCluster.Patience))).Reason);
        }
    }

    [Fact]
    public async Task A_scan_is_taken_up_by_its_token_in_another_datacenter()
    {
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(KeyspaceDescriptor.OfRanges("paged", [Bytes("k3"), Bytes("k6")])));
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync("paged-hashes", 3));
        await KnownEverywhereAsync("paged-hashes");
        foreach (var keyspace in new[] { "paged", "paged-hashes" })
        {
            for (var i = 0; i < 9; i++)
            {
                Assert.IsType<Applied>(await cluster.Client.PutAsync(keyspace, $"k{i}", "v", MultiDcTestCluster.Patience));
            }

            var found = new List<string>();
            ScanToken? token = null;
            foreach (var client in cluster.Clients.Values)
            {
                var page = await client.ScanPageAsync(keyspace, Bytes("k"), 3, token is null ? null : ScanToken.Parse(token.ToString()), MultiDcTestCluster.Patience);
                Assert.Null(page.Rejection);
                found.AddRange(page.Entries.Select(static entry => entry.KeyText()));
                token = page.Next;
            }

            Assert.Equal(Enumerable.Range(0, 9).Select(static i => $"k{i}"), found);
            Assert.Null(token);
        }
    }

    [Fact]
    public async Task Leaders_follow_the_keyspaces_order_whenever_it_is_altered()
    {
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(new KeyspaceDescriptor("led", 4, default) { PreferredLeaders = [new("dc2")] }));
        await LedFromAsync("dc2");
        foreach (var at in new[] { "dc3", "dc1" })
        {
            Assert.IsType<Applied>(await cluster.Client.AlterKeyspaceAsync("led", new() { PreferredLeaders = [new(at), new("dc2")] }));
            await LedFromAsync(at);
        }

        Task LedFromAsync(string datacenter) => cluster.WaitForReplicasAsync(
            $"all shards are led from {datacenter}", all => all.Count(s => s.Replica.StartsWith("led/", StringComparison.Ordinal) && s.Role == "Leader" && s.Replica.EndsWith($"@{datacenter}", StringComparison.Ordinal)) == 4);
    }

    [Fact]
    public async Task A_limit_holds_for_a_client_that_does_not_know_of_it()
    {
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync("limited", 1));
        await KnownEverywhereAsync("limited");
        var other = cluster.Clients[new("dc2")];
        Assert.IsType<Applied>(await other.PutAsync("limited", "k", "12345", MultiDcTestCluster.Patience));
        Assert.IsType<Applied>(await cluster.Client.AlterKeyspaceAsync("limited", new() { MaxValueBytes = 4 }));
        Assert.Contains("allows at most 4", Assert.IsType<Rejected>(await cluster.Client.PutAsync("limited", "k", "12345")).Detail);
        var refused = await cluster.WaitAsync(
            "the leader knows the limit", () => other.PutAsync("limited", "k", "12345", MultiDcTestCluster.Patience), static result => result is Rejected, static result => result.ToString());
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<Rejected>(refused).Reason);
        Assert.IsType<Applied>(await other.PutAsync("limited", "k", "1234", MultiDcTestCluster.Patience));
        Assert.Equal("1234", Assert.IsType<ReadServed>(await other.GetAsync("limited", "k")).Entry!.ValueText());
    }

    [Fact]
    public async Task A_full_shard_takes_deletions_only_until_there_is_room_or_more_is_allowed()
    {
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(new KeyspaceDescriptor("bounded", 1, default) { MaxShardBytes = 100 }));
        await KnownEverywhereAsync("bounded");
        var full = await cluster.WaitAsync(
            "the shard is full", () => cluster.Client.PutAsync("bounded", "k1", new string('v', 100), MultiDcTestCluster.Patience), static result => result is Rejected, static result => result.ToString());
        Assert.Equal(RejectionReason.QuotaExceeded, Assert.IsType<Rejected>(full).Reason);
        Assert.Contains("holds 102 bytes of keys and values; its keyspace allows 100", ((Rejected)full).Detail);
        Assert.Equal(RejectionReason.QuotaExceeded, Assert.IsType<Rejected>(await cluster.Clients[new("dc3")].PutAsync("bounded", "k2", "v", MultiDcTestCluster.Patience)).Reason);

        Assert.IsType<Applied>(await cluster.Client.DeleteAsync("bounded", "k1", MultiDcTestCluster.Patience));
        Assert.IsType<Applied>(await cluster.Client.PutAsync("bounded", "k2", new string('v', 98), MultiDcTestCluster.Patience));
        Assert.Equal(RejectionReason.QuotaExceeded, Assert.IsType<Rejected>(await cluster.Client.PutAsync("bounded", "k3", "v", MultiDcTestCluster.Patience)).Reason);

        Assert.IsType<Applied>(await cluster.Client.AlterKeyspaceAsync("bounded", new() { MaxShardBytes = 0 }));
        await cluster.WaitAsync(
            "more is allowed", () => cluster.Client.PutAsync("bounded", "k3", "v", MultiDcTestCluster.Patience), static result => result is Applied, static result => result.ToString());
    }

    [Fact]
    public async Task A_read_that_names_no_level_has_the_keyspaces()
    {
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(new KeyspaceDescriptor("stale", 1, default) { ReadDefault = new(ReadLevelKind.Local) }));
        Assert.IsType<Applied>(await cluster.Client.PutAsync("stale", "k", "v", MultiDcTestCluster.Patience));
        Assert.Equal(ReadLevelKind.Local, Assert.IsType<ReadServed>(await cluster.Client.GetAsync("stale", "k")).Level);
        Assert.Equal(ReadLevelKind.Linearizable, Assert.IsType<ReadServed>(await cluster.Client.GetAsync("stale", "k", ReadLevel.Linearizable)).Level);
    }

    [Fact]
    public async Task What_cannot_be_is_refused_with_the_reason()
    {
        DatacenterId[] two = [new("dc1"), new("dc2")];
        Refused("a majority must be left", await cluster.Client.CreateKeyspaceAsync(new KeyspaceDescriptor("goal", 1, [.. two]) { Survives = SurvivalGoal.Datacenter }));
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync(new KeyspaceDescriptor("goal", 1, [.. two])));
        Refused("a majority must be left", await cluster.Client.AlterKeyspaceAsync("goal", new() { Survives = SurvivalGoal.Datacenter }));
        Refused("where it has no replica", await cluster.Client.AlterKeyspaceAsync("goal", new() { PreferredLeaders = [new("dc3")] }));
        Refused("not by range", await cluster.Client.CreateKeyspaceAsync(KeyspaceDescriptor.OfRanges("goal", [], [.. two])));
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<Rejected>(await cluster.Client.AlterKeyspaceAsync("nowhere", new() { MaxValueBytes = 1 })).Reason);
        Assert.Equal(RejectionReason.UnknownDatacenter, Assert.IsType<Rejected>(await cluster.Client.CreateKeyspaceAsync(new KeyspaceDescriptor("far", 1, [new("mars")]))).Reason);

        static void Refused(string reason, WriteResult result)
        {
            var rejected = Assert.IsType<Rejected>(result);
            Assert.Equal(RejectionReason.InvalidArgument, rejected.Reason);
            Assert.Contains(reason, rejected.Detail);
        }
    }

    private async Task KnownEverywhereAsync(string keyspace)
    {
        foreach (var client in cluster.Clients.Values)
        {
            await cluster.WaitAsync(
                $"keyspace {keyspace} is known", () => client.ListKeyspacesAsync(), all => all?.Any(k => k.Name == keyspace) == true, static all => string.Join(", ", all?.Select(static k => k.Name) ?? []));
        }
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
