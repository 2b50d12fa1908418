using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Replication;
using MultiDc.Server.Trust;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Attack;

/// <summary>
/// Every datacenter has two silos. While all homes of a group are away, the stores beside them, which have heard nothing of it, must not
/// found it a second time: acknowledged writes would be gone, and come back with the homes as a second truth.
/// </summary>
public sealed class SecondStoreTests
{
    private static readonly DatacenterId[] Datacenters = [new("a"), new("b"), new("c")];
    private static readonly ShardId Shard = new("kv", 0);

    [Fact]
    public async Task The_second_stores_of_all_datacenters_do_not_found_a_shard_again()
    {
        var world = new World();
        await world.FoundAsync(Shard);
        world.Silo = 1;
        foreach (var datacenter in Datacenters)
        {
            Assert.IsType<Refused>(await world.TryOpenAsync(Shard, datacenter));
        }

        world.Silo = 0;
        Assert.IsType<Opened>(await world.TryOpenAsync(Shard, Datacenters[0]));
    }

    [Fact]
    public async Task The_second_stores_of_all_datacenters_do_not_found_a_ring_they_have_seen_again()
    {
        var world = new World();
        await world.FoundAsync(ShardId.Ring);
        world.Silo = 1;
        foreach (var datacenter in Datacenters)
        {
            await new ReplicaRecords(world.Current(datacenter)).SetRingSeenAsync();
        }

        foreach (var datacenter in Datacenters)
        {
            Assert.IsType<Refused>(await world.TryOpenAsync(ShardId.Ring, datacenter));
        }
    }

    [Fact]
    public async Task A_store_that_is_not_the_home_does_not_speak_for_the_replica()
    {
        var world = new World();
        await world.FoundAsync(Shard);
        world.Silo = 1;
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.Founder(Datacenters[1]).AnswerAsync(new(Shard, Datacenters[1]), Datacenters[0], Guid.NewGuid(), []));
    }

    [Fact]
    public async Task A_claim_outlives_the_store_that_crashed_after_it()
    {
        var world = new World { Unreachable = true };
        Assert.IsType<NotYet>(await world.TryOpenAsync(Shard, Datacenters[0]));
        world.Unreachable = false;
        world.Silo = 1;
        Assert.IsType<Refused>(await world.TryOpenAsync(Shard, Datacenters[0]));
        world.Silo = 0;
        await world.FoundAsync(Shard);
    }

    private sealed class World : IHomeRegisterGrain, IRingGrain
    {
        private readonly Dictionary<(DatacenterId, int), MemoryReplicaStore> stores = [];
        private readonly Dictionary<string, Guid> homes = [];

        public World()
        {
            for (var i = 0; i < 6; i++)
            {
                stores[(Datacenters[i / 2], i % 2)] = new(new(new("test", new Guid(i + 1, 0, 0, new byte[8]))));
            }
        }

        /// <summary>Which silo of every datacenter is up.</summary>
        public int Silo { get; set; }

        public bool Unreachable { get; set; }

        public MemoryReplicaStore Current(DatacenterId datacenter) => stores[(datacenter, Silo)];

        public ReplicaFounder Founder(DatacenterId datacenter) => new(
            Current(datacenter), new(Current(datacenter)), new Links(this, datacenter), Proxy.Of<IGrainFactory>((_, _) => this), TestGate.Open, new(new(null)),
            TimeProvider.System, NullLogger<ReplicaFounder>.Instance);

        public Task<FoundingResult> TryOpenAsync(ShardId shard, DatacenterId datacenter) => Founder(datacenter).TryOpenAsync(new(shard, datacenter));

        public async Task FoundAsync(ShardId shard)
        {
            // Each begins, and is refused by those that have not begun; then all get there.
            foreach (var datacenter in Datacenters)
            {
                await TryOpenAsync(shard, datacenter);
            }

            foreach (var datacenter in Datacenters)
            {
                Assert.IsType<Opened>(await TryOpenAsync(shard, datacenter));
            }
        }

        public Task<ReplicaHome?> ClaimAsync(string replica, Guid storeId, bool mayFound, SiloCredential credential, System.Collections.Immutable.ImmutableArray<string> apartFrom) =>
            Task.FromResult<ReplicaHome?>(!mayFound ? null : homes.TryAdd(replica, storeId) ? new(storeId, 0) : new(homes[replica], 0));

        public Task<ReplicaHome?> GetHomeAsync(string replica, SiloCredential credential) => throw new NotSupportedException();

        public Task<bool> RegisterStoreAsync(string silo, Guid storeId, bool isNew, SiloCredential credential) => throw new NotSupportedException();

        public Task<RingSnapshot?> GetSnapshotAsync(RingVersion newerThan) =>
            Task.FromResult<RingSnapshot?>(RingSnapshot.Empty.WithKeyspace(new(Shard.Keyspace, 1, [.. Datacenters])));

        public Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace) => throw new NotSupportedException();

        public Task<WriteResult> DefineKeyspaceAsync(KeyspaceDescriptor keyspace) => throw new NotSupportedException();

        public Task<WriteResult> DropKeyspaceAsync(string keyspace, ulong? incarnation) => throw new NotSupportedException();

        public Task<int[]> EndReplicasAsync(RingSnapshot ring, KeyspaceDescriptor keyspace, SiloCredential credential) => throw new NotSupportedException();

        public Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change) => throw new NotSupportedException();
    }

    private sealed class Links(World world, DatacenterId local) : IDatacenterLinks
    {
        public DatacenterId Local => local;

        public IReadOnlyList<DatacenterId> Datacenters => SecondStoreTests.Datacenters;

        public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
        {
            link = world.Unreachable ? null : new Link(world, datacenter);
            return link is not null;
        }
    }

    private sealed class Link(World world, DatacenterId datacenter) : IDatacenterLink
    {
        public DatacenterId Datacenter => datacenter;

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey
        {
            Assert.True(ReplicaAddress.TryParse(key, out var address));
            grain = Proxy.Of<TGrain>((method, arguments) => method == nameof(IReplicaPeerGrain.IntroduceAsync)
                ? world.Founder(datacenter).AnswerAsync(address, (DatacenterId)arguments[0]!, (Guid)arguments[1]!, [])
                : throw new NotSupportedException(method));
            return true;
        }
    }

    /// <summary>Stands for a grain or a factory of grains.</summary>
    [SuppressMessage("Performance", "CA1852", Justification = "a dispatch proxy is derived from")]
    internal class Proxy : DispatchProxy
    {
        private Func<string, object?[], object?> call = null!;

        public static T Of<T>(Func<string, object?[], object?> call)
            where T : class
        {
            var proxy = Create<T, Proxy>();
            ((Proxy)(object)proxy).call = call;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => call(targetMethod!.Name, args ?? []);
    }
}
