using MultiDc.Client;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class ClientTests(SharedCluster shared, ITestOutputHelper output)
{
    private MultiDcTestCluster Cluster => shared.Cluster;

    [Fact]
    public async Task What_one_datacenter_writes_every_datacenter_reads()
    {
        foreach (var (datacenter, client) in Cluster.Clients)
        {
            var written = Assert.IsType<Applied>(await client.PutAsync("default", "written", $"in {datacenter}"));
            foreach (var reader in Cluster.Clients.Values)
            {
                var entry = Assert.IsType<ReadServed>(await reader.GetAsync("default", "written")).Entry!;
                Assert.Equal($"in {datacenter}", entry.ValueText());
                Assert.Equal(written.Revision, entry.ModifyRevision);
            }
        }

        Assert.IsType<Applied>(await Cluster.Client.DeleteAsync("default", "written"));
        Assert.All(await Task.WhenAll(Cluster.Clients.Values.Select(static c => c.GetAsync("default", "written"))), static read => Assert.Null(Assert.IsType<ReadServed>(read).Entry));
    }

    [Fact]
    public async Task Compare_and_set_applies_only_to_the_expected_value()
    {
        Assert.IsType<Applied>(await Cluster.Client.CompareAndSetAsync("default", "guarded", null, "1"));
        Assert.Equal(RejectionReason.PreconditionFailed, Assert.IsType<Rejected>(await Cluster.Client.CompareAndSetAsync("default", "guarded", null, "2")).Reason);
        Assert.Equal(RejectionReason.PreconditionFailed, Assert.IsType<Rejected>(await Cluster.Client.CompareAndSetAsync("default", "guarded", "9", "2")).Reason);
        Assert.IsType<Applied>(await Cluster.Client.CompareAndSetAsync("default", "guarded", "1", "2"));
        Assert.Equal("2", Assert.IsType<ReadServed>(await Cluster.Client.GetAsync("default", "guarded")).Entry!.ValueText());
    }

    [Fact]
    public async Task A_scan_gives_the_keys_of_all_shards_in_order()
    {
        var keys = Enumerable.Range(0, 100).Select(static i => $"scan/{i:000}").ToArray();
        Assert.All(await Task.WhenAll(keys.Select(key => Cluster.Client.PutAsync("default", key, $"value of {key}"))), static r => Assert.IsType<Applied>(r));
        var seen = new List<string>();
        await foreach (var entry in Cluster.Clients[new("dc3")].ScanAsync("default", "scan/"))
        {
            Assert.Equal($"value of {entry.KeyText()}", entry.ValueText());
            seen.Add(entry.KeyText());
        }

        output.WriteLine($"{seen.Count} keys from {seen[0]} to {seen[^1]}");
        Assert.Equal(keys, seen);
    }

    [Fact]
    public async Task Two_hundred_increments_from_three_datacenters_end_at_two_hundred()
    {
        const int Wanted = 200;
        var left = Wanted;
        var conflicts = 0;
        await Task.WhenAll(Cluster.Clients.Values.Select(async client =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                while (true)
                {
                    var before = Assert.IsType<ReadServed>(await client.GetAsync("default", "counter")).Entry?.ValueText();
                    var outcome = await client.CompareAndSetAsync("default", "counter", before, (int.Parse(before ?? "0") + 1).ToString());
                    if (outcome is Applied)
                    {
                        break;
                    }

                    Assert.Equal(RejectionReason.PreconditionFailed, Assert.IsType<Rejected>(outcome).Reason);
                    Interlocked.Increment(ref conflicts);
                }
            }
        }));
        var end = Assert.IsType<ReadServed>(await Cluster.Client.GetAsync("default", "counter")).Entry!;
        output.WriteLine($"{end.ValueText()} after {conflicts} conflicts; version {end.Version}");
        Assert.Equal(Wanted.ToString(), end.ValueText());
        Assert.Equal((ulong)Wanted, end.Version);
    }

    [Theory]
    [InlineData("elsewhere", 1, 1, RejectionReason.UnknownKeyspace, "there is no keyspace 'elsewhere'")]
    [InlineData("default", 0, 1, RejectionReason.InvalidArgument, "the key is empty")]
    [InlineData("default", KeyLimits.MaxKeyBytes + 1, 1, RejectionReason.InvalidArgument, "the key has 1025 bytes")]
    [InlineData("default", 1, KeyLimits.MaxValueBytes + 1, RejectionReason.InvalidArgument, "the value has 1048577 bytes")]
    [InlineData("multidc.ring", 1, 1, RejectionReason.InvalidArgument, "is the system's own")]
    public async Task What_can_never_be_done_is_refused_with_its_reason(string keyspace, int keyBytes, int valueBytes, RejectionReason reason, string sentence)
    {
        var rejected = Assert.IsType<Rejected>(await Cluster.Client.PutAsync(keyspace, new byte[keyBytes], new byte[valueBytes]));
        output.WriteLine($"{rejected.Reason}: {rejected.Detail}");
        Assert.Equal(reason, rejected.Reason);
        Assert.Contains(sentence, rejected.Detail);
    }

    [Fact]
    public async Task The_largest_key_and_value_fit()
    {
        var key = new byte[KeyLimits.MaxKeyBytes];
        var value = new byte[KeyLimits.MaxValueBytes];
        Array.Fill(value, (byte)7);
        Assert.IsType<Applied>(await Cluster.Client.PutAsync("default", key, value));
        Assert.Equal(value, Assert.IsType<ReadServed>(await Cluster.Client.GetAsync("default", key)).Entry!.Value.ToArray());
    }

    [Fact]
    public async Task A_replica_refuses_by_itself_what_a_careless_client_would_send()
    {
        var replica = Cluster.Replica(new(new("default", 0), new("dc1")));
        var outcome = await replica.WriteAsync(new(new(1), new(1), new Grains.PutOperation(new byte[1], new byte[KeyLimits.MaxValueBytes + 1]), TimeSpan.FromSeconds(1)));
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<Rejected>(outcome).Reason);
    }

    [Fact]
    public async Task Reads_of_an_unknown_keyspace_are_refused()
    {
        Assert.Equal(RejectionReason.UnknownKeyspace, Assert.IsType<ReadRejected>(await Cluster.Client.GetAsync("elsewhere", "key")).Reason);
        await Assert.ThrowsAsync<MultiDcUnavailableException>(async () =>
        {
            await foreach (var entry in Cluster.Client.ScanAsync("elsewhere", ""))
            {
                Assert.Fail($"an entry of a keyspace that is not: {entry}");
            }
        });
    }
}
