using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Server.Ring;
using MultiDc.Storage;
using MultiDc.Testing.Cluster;
using Orleans.Runtime;
using Orleans.Storage;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>The last ring, kept in grain storage.</summary>
[Collection(ClusterTests.Name)]
public sealed class RingMemoryTests
{
    private static readonly GrainId Grain = GrainId.Create("ring", "dc1");

    [Fact]
    public async Task A_silo_that_starts_while_the_other_datacenters_are_away_knows_the_ring()
    {
        var storage = new KeptInMemory();
        await using var cluster = await MultiDcTestCluster.StartAsync(new()
        {
            SilosPerDatacenter = 1,
            ShardCount = 2,
            ConfigureSilo = silo => silo.Services.AddKeyedSingleton<IGrainStorage>(RingMemory.StorageName, storage),
        });
        await cluster.WaitUntilAllRunAsync();
        var seen = await cluster.WaitForRingAsync("three members", static ring => ring.Members.Length == 3);
        await cluster.WaitAsync("the ring is kept", () => Task.FromResult(storage.VersionOf("dc1")), version => version >= seen.Version.Value, static version => $"{version}");
        await Task.WhenAll(cluster.Silos.Select(static silo => silo.CrashAsync()));

        var alone = cluster.Silo("dc1/silo-1");
        await alone.StartAsync();
        var known = await cluster.WaitAsync(
            "the silo alone knows the ring", () => alone.Services.GetRequiredService<IGrainFactory>().GetGrain<IRingGrain>("dc1").GetSnapshotAsync(default),
            static ring => ring is not null, static _ => "no ring");
        Assert.True(known!.TryGetKeyspace("default", out var keyspace));
        Assert.Equal(2, keyspace.ShardCount);
    }

    [Fact]
    public async Task What_is_kept_never_goes_back_and_counts_for_the_same_store_only()
    {
        var storage = new KeptInMemory();
        var disk = MultiDcTestCluster.NewDisk();
        RingSnapshot Ring(int keyspaces) => Enumerable.Range(0, keyspaces).Aggregate(
            RingSnapshot.Empty, static (ring, i) => ring.WithKeyspace(new($"k{i}", 1, [new("dc1")])));
        RingMemory Memory(MemoryDisk on) => new(new ReplicaRecords(new MemoryReplicaStore(on)), TimeProvider.System, NullLogger<RingMemory>.Instance, storage);

        Assert.Null(await Memory(disk).RecallAsync(Grain));
        var memory = Memory(disk);
        await memory.KeepAsync(Grain, Ring(2));
        await memory.KeepAsync(Grain, Ring(1));
        Assert.Equal(Ring(2).Version, (await Memory(disk).RecallAsync(Grain))!.Version);

        // One that comes late finds what is there, and then goes on from it.
        var late = Memory(disk);
        await late.KeepAsync(Grain, Ring(3));
        await late.KeepAsync(Grain, Ring(3));
        Assert.Equal(Ring(3).Version, (await Memory(disk).RecallAsync(Grain))!.Version);

        var other = Memory(MultiDcTestCluster.NewDisk());
        Assert.Null(await other.RecallAsync(Grain));
        await other.KeepAsync(Grain, Ring(1));
        Assert.Null(await Memory(disk).RecallAsync(Grain));
    }

    [Fact]
    public async Task Without_a_storage_or_with_one_that_fails_nothing_is_kept_and_nothing_breaks()
    {
        var records = new ReplicaRecords(new MemoryReplicaStore(MultiDcTestCluster.NewDisk()));
        foreach (var storage in new IGrainStorage?[] { null, new KeptInMemory { Fails = true } })
        {
            var memory = new RingMemory(records, TimeProvider.System, NullLogger<RingMemory>.Instance, storage);
            Assert.Null(await memory.RecallAsync(Grain));
            await memory.KeepAsync(Grain, RingSnapshot.Empty.WithKeyspace(new("k", 1, [new("dc1")])));
        }
    }

    /// <summary>A grain storage that outlives silos, with ETags.</summary>
    private sealed class KeptInMemory : IGrainStorage
    {
        private readonly ConcurrentDictionary<GrainId, (object State, string ETag)> kept = new();
        private readonly Lock gate = new();

        public bool Fails { get; init; }

        public ulong VersionOf(string datacenter) => kept.Where(row => row.Key.Key.ToString() == datacenter).Select(static row => ((RememberedRing)row.Value.State).Version).FirstOrDefault();

        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            if (Fails)
            {
                throw new IOException("injected");
            }

            if (kept.TryGetValue(grainId, out var row))
            {
                (grainState.State, grainState.ETag, grainState.RecordExists) = ((T)row.State, row.ETag, true);
            }

            return Task.CompletedTask;
        }

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            lock (gate)
            {
                if (Fails || (kept.TryGetValue(grainId, out var row) ? row.ETag : null) != grainState.ETag)
                {
                    throw new InconsistentStateException("another wrote it");
                }

                (grainState.ETag, grainState.RecordExists) = (Guid.NewGuid().ToString(), true);
                kept[grainId] = (grainState.State!, grainState.ETag);
                return Task.CompletedTask;
            }
        }

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();
    }
}
