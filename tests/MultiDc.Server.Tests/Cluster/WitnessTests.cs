using System.Text;
using Microsoft.Extensions.Options;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Linearizability;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Replication;
using MultiDc.Storage;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;
using static MultiDc.Testing.Cluster.MultiDcTestCluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>Two datacenters that hold data and a witness, dc3.</summary>
[Collection(ClusterTests.Name)]
public sealed class WitnessTests(ITestOutputHelper output)
{
    private static readonly MultiDcTestClusterOptions TwoAndAWitness = new() { Witnesses = ["dc3"], SilosPerDatacenter = 1, ShardCount = 4 };
    private static readonly DatacenterId Witness = new("dc3");

    [Fact]
    public async Task Any_one_of_the_three_is_lost_and_writes_and_linearizable_reads_go_on()
    {
        await using var cluster = await StartAsync(TwoAndAWitness);
        RequireWitnesses(await cluster.WaitUntilAllRunAsync());
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Clients[Witness], 30);
        var traffic = new Traffic(cluster.Clients);
        foreach (var victim in (string[])["dc1", "dc2", "dc3"])
        {
            var dead = cluster.Silo($"{victim}/silo-1");
            var led = (await cluster.Client.GetStatusAsync()).Count(s => s.Role == "Leader" && s.Leader == dead.Datacenter);
            var going = traffic.RunAsync([.. cluster.Clients.Keys.Where(d => d != dead.Datacenter)]);
            await dead.CrashAsync();
            foreach (var survivor in cluster.Clients.Where(client => client.Key != dead.Datacenter))
            {
                await writes.WriteAsync(survivor.Value, 20);
                await writes.RequireAllAsync(survivor.Value);
            }

            traffic.Stop();
            await going;
            await dead.StartAsync();
            RequireWitnesses(await cluster.WaitForReplicasAsync(
                $"{victim} is back and has caught up",
                static all => all.All(s => s is { State: "running", Leader: not null } && s.AppliedIndex == all.Where(o => SameShard(o, s)).Max(static o => o.AppliedIndex))));
            output.WriteLine($"{victim}, which led {led} of 5 shards, was lost: {writes.Count} acknowledged writes are there");
        }

        await writes.RequireAllAsync(cluster.Client);
        var verdict = LinearizabilityChecker.Check(traffic.History);
        output.WriteLine(verdict.Explain());
        Assert.IsType<Linearizable>(verdict);
        Assert.True(traffic.History.Count(static o => o.Result == OperationResult.Ok) > 100);
        await RequireNoDataAsync(cluster.Silo("dc3/silo-1"));
    }

    [Fact]
    public async Task A_witness_serves_nothing_and_says_who_does()
    {
        await using var cluster = await StartAsync(TwoAndAWitness);
        await cluster.WaitUntilAllRunAsync();
        var key = Encoding.UTF8.GetBytes("key");
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", "key", "value", Patience));
        var shard = RingSnapshot.ShardOf((await cluster.Client.GetRingAsync())!.Keyspaces.Single(static k => k.Name == "default"), key);
        var witness = cluster.Replica(new(shard, Witness));
        var leader = (await witness.GetStatusAsync()).Leader;
        Assert.NotNull(leader);

        var read = Assert.IsType<ReadRejected>(await witness.ReadAsync(new(key, Patience)));
        Assert.Equal((RejectionReason.NotLeader, leader), (read.Reason, read.Leader));
        var page = await witness.ScanAsync(new(ReadOnlyMemory<byte>.Empty, null, 10, Patience));
        Assert.Equal((0, RejectionReason.NotLeader, leader), (page.Entries.Count, page.Rejection!.Reason, page.Rejection.Leader));
        var write = Assert.IsType<Rejected>(await witness.WriteAsync(new(new(1), new(1), new PutOperation(key, key), Patience)));
        Assert.Equal((RejectionReason.NotLeader, leader), (write.Reason, write.Leader));
        Assert.False(await cluster.Replica(new(shard, leader.Value)).TransferLeadershipAsync(Witness));
    }

    [Fact]
    public async Task With_a_full_datacenter_and_the_witness_away_nothing_is_acknowledged_until_one_returns()
    {
        await using var cluster = await StartAsync(TwoAndAWitness);
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);
        await cluster.Silo("dc3/silo-1").CrashAsync();
        await cluster.Silo("dc2/silo-1").CrashAsync();
        Assert.IsNotType<Applied>(await cluster.Client.PutAsync("default", "one of three", "value", TimeSpan.FromSeconds(3)));
        await cluster.Silo("dc3/silo-1").StartAsync();
        await writes.WriteAsync(cluster.Client, 20);
        await writes.RequireAllAsync(cluster.Client);
    }

    [Fact]
    public async Task A_client_that_was_told_of_no_witness_creates_a_keyspace_that_has_it_and_one_that_means_another_is_refused()
    {
        await using var cluster = await StartAsync(TwoAndAWitness);
        await cluster.WaitUntilAllRunAsync();
        Assert.IsType<Applied>(await cluster.Client.CreateKeyspaceAsync("more", 1));
        Assert.IsType<Applied>(await cluster.Client.PutAsync("more", "key", "value", Patience));
        var ring = await cluster.WaitForRingAsync("the keyspace is there", static ring => ring.TryGetKeyspace("more", out _));
        Assert.All(ring.Keyspaces, static k => Assert.Equal([Witness], k.Witnesses.AsEnumerable()));
        RequireWitnesses(await cluster.WaitForReplicasAsync("the keyspace's replicas run", static all => all.Count == 18 && all.All(static s => s is { State: "running", Leader: not null })));

        KeyspaceDescriptor other = new("other", 1, [new("dc1"), new("dc2"), Witness], [new("dc2")]);
        var refused = Assert.IsType<Rejected>(await cluster.Grains.GetGrain<IRingGrain>("dc1").CreateKeyspaceAsync(other));
        Assert.Contains("dc2 as witness, this silo is configured with dc3 as witness", refused.Detail);
        var tooFew = Assert.IsType<Rejected>(await cluster.Grains.GetGrain<IRingGrain>("dc1").CreateKeyspaceAsync(new("other", 1, [new("dc1"), Witness])));
        Assert.Contains("more of its datacenters must hold data", tooFew.Detail);
    }

    [Theory]
    [InlineData("dc3")]
    [InlineData("dc1")]
    public async Task A_silo_that_was_told_otherwise_meanwhile_does_not_start_and_its_groups_go_on(string datacenter)
    {
        await using var cluster = await StartAsync(TwoAndAWitness);
        await cluster.WaitUntilAllRunAsync();
        var writes = new AcknowledgedWrites();
        await writes.WriteAsync(cluster.Client, 20);
        var silo = cluster.Silo($"{datacenter}/silo-1");
        await silo.CrashAsync();
        silo.Configuration = static options => options.Datacenters[2].Witness = false;
        var problem = await Assert.ThrowsAsync<OptionsValidationException>(silo.StartAsync);
        Assert.Contains("its shard has dc3 as witness, this silo is configured with no witness", Assert.Single(problem.Failures));
        await writes.WriteAsync(cluster.Clients[new("dc2")], 20);

        silo.Configuration = null;
        await silo.StartAsync();
        RequireWitnesses(await cluster.WaitUntilAllRunAsync());
        await writes.RequireAllAsync(cluster.Client);
    }

    [Fact]
    public async Task Another_silo_that_is_told_otherwise_opens_nothing_and_changes_no_ring()
    {
        // Its store is new, so that nothing stands against it when it starts.
        await using var cluster = await StartAsync(TwoAndAWitness with { SilosPerDatacenter = 2, InitiallyDown = ["dc1/silo-2", "dc2/silo-2", "dc3/silo-2"] });
        await cluster.WaitUntilAllRunAsync();
        var before = await cluster.WaitForRingAsync("three members", static ring => ring.Members.Length == 3);
        var misled = cluster.Silo("dc3/silo-2");
        misled.Configuration = static options =>
        {
            options.Datacenters[2].Witness = false;
            options.Keyspaces.Add(new() { Name = "full", ShardCount = 1 });
        };
        await cluster.Silo("dc3/silo-1").CrashAsync();
        await misled.StartAsync();
        await cluster.WaitAsync(
            "its ring grain says why it changes nothing",
            () => Task.FromResult(cluster.Log.Lines.Any(static l => l.Contains("Ring of datacenter dc3 is not changed, keyspace 'default': it was created with dc3 as witness, this silo is configured with no witness", StringComparison.Ordinal))),
            static said => said,
            static _ => "it does not");
        Assert.DoesNotContain((await cluster.Client.GetRingAsync())!.Keyspaces, static k => k.Name == "full");
        var status = await cluster.WaitForReplicasAsync("its replicas are refused", static all => all.Where(static s => s.Replica.EndsWith("@dc3", StringComparison.Ordinal)).All(static s => s.State == "refused"));
        Assert.All(status.Where(static s => s.Replica.StartsWith("default/", StringComparison.Ordinal) && s.State == "refused"), static s => Assert.Contains("its shard has dc3 as witness", s.Detail));
        Assert.IsType<Applied>(await cluster.Client.PutAsync("default", "key", "value", Patience));
        Assert.Equal(before.Keyspaces, (await cluster.Client.GetRingAsync())!.Keyspaces);
    }

    private static bool SameShard(ReplicaStatus one, ReplicaStatus other) => one.Replica[..one.Replica.IndexOf('@')] == other.Replica[..other.Replica.IndexOf('@')];

    private static void RequireWitnesses(IReadOnlyList<ReplicaStatus> all)
    {
        Assert.All(all, static s => Assert.Equal(s.Replica.EndsWith("@dc3", StringComparison.Ordinal), s.Role == "Witness"));
        Assert.DoesNotContain(all, static s => s.Leader == Witness);
    }

    // The logs have the ids of what was written, and no replica has a row.
    private async Task RequireNoDataAsync(TestSilo silo)
    {
        await silo.CrashAsync();
        await using var store = new MemoryReplicaStore(silo.Disk.Copy());
        var withheld = 0;
        foreach (var shard in (ShardId[])[ShardId.Ring, .. Enumerable.Range(0, TwoAndAWitness.ShardCount).Select(static number => new ShardId("default", number))])
        {
            await using var opened = await store.OpenAsync(new(new ReplicaAddress(shard, Witness).ToString()), null);
            Assert.True(opened!.Recovered.Snapshot.Configuration.IsWitness(GroupMembers.IdOf(Witness)));
            Assert.DoesNotContain(opened.Recovered.Entries, static entry => entry.Kind == EntryKind.Command || entry.Payload.Length > 0);
            withheld += opened.Recovered.Entries.Count(static entry => entry.Kind == EntryKind.WithheldCommand);
            using var view = opened.State.OpenView();
            Assert.Empty(await view.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToArrayAsync());
        }

        output.WriteLine($"the witness's logs have the ids of {withheld} commands");
        Assert.True(withheld > 100);
    }

    /// <summary>Readers and writers of a few keys, whose history is judged.</summary>
    private sealed class Traffic(IReadOnlyDictionary<DatacenterId, IMultiDcClient> clients)
    {
        private static readonly TimeSpan OperationPatience = TimeSpan.FromSeconds(5);
        private readonly System.Collections.Concurrent.ConcurrentQueue<Operation> operations = new();
        private int lastValue;
        private volatile bool stopping;

        public IReadOnlyCollection<Operation> History => operations;

        public void Stop() => stopping = true;

        public Task RunAsync(IReadOnlyList<DatacenterId> from)
        {
            stopping = false;
            return Task.WhenAll(from.SelectMany((datacenter, i) => Enumerable.Range(0, 2).Select(worker => Task.Run(() => WorkAsync(clients[datacenter], (2 * i) + worker)))));
        }

        private async Task WorkAsync(IMultiDcClient client, int number)
        {
            for (var turn = number; !stopping; turn++)
            {
                var key = $"judged/{turn % 6}";
                var value = turn % 2 == 0 ? $"{Interlocked.Increment(ref lastValue)}" : null;
                var start = Now;
                if (value is null)
                {
                    var read = await client.GetAsync("default", key, OperationPatience);
                    Add(OperationKind.Get, read is ReadServed ? OperationResult.Ok : OperationResult.Fail, (read as ReadServed)?.Entry?.ValueText());
                }
                else
                {
                    var write = await client.PutAsync("default", key, value, OperationPatience);
                    Add(OperationKind.Put, write switch { Applied => OperationResult.Ok, Unknown => OperationResult.Unknown, _ => OperationResult.Fail }, null);
                }

                void Add(OperationKind kind, OperationResult result, string? read) => operations.Enqueue(new()
                {
                    Client = number,
                    Kind = kind,
                    Key = key,
                    Value = value,
                    Start = start,
                    End = result == OperationResult.Unknown ? null : Now,
                    Result = result,
                    Output = read,
                });
            }
        }

        private static long Now => (long)(System.Diagnostics.Stopwatch.GetElapsedTime(0).TotalMilliseconds * 1_000_000);
    }
}
