using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Founding;

/// <summary>
/// The datacenters of a founding, each with its current store, and the introductions between them. A peer answers as the replica grain does.
/// </summary>
internal sealed class FoundingWorld
{
    public static readonly ShardId Shard = ShardId.Ring;
    private int stores;

    public FoundingWorld(int datacenters)
    {
        Datacenters = [.. "abcde"[..datacenters].Select(static c => new DatacenterId(c.ToString()))];
        foreach (var datacenter in Datacenters)
        {
            Current[datacenter] = NewStore();
        }
    }

    public DatacenterId[] Datacenters { get; }

    /// <summary>The store that answers for a datacenter now.</summary>
    public Dictionary<DatacenterId, MemoryReplicaStore> Current { get; } = [];

    public HashSet<DatacenterId> Away { get; } = [];

    /// <summary>The witnesses as the silos of every datacenter are configured.</summary>
    public DatacenterId[] Witnesses { get; set; } = [];

    /// <summary>Datacenters whose silos are configured with other witnesses than <see cref="Witnesses"/>.</summary>
    public Dictionary<DatacenterId, DatacenterId[]> OtherWitnesses { get; } = [];

    /// <summary>Datacenters of which the ring says that the current store came in the place of another.</summary>
    public HashSet<DatacenterId> Replaced { get; } = [];

    /// <summary>What stands between an introduction and its answer: nothing, or a message order that the test decides.</summary>
    public Func<Func<Task<IntroductionReply>>, Task<IntroductionReply>> Deliver { get; set; } = static call => call();

    public MemoryReplicaStore NewStore() => new(new(new("test", new Guid(++stores, 0, 0, new byte[8]))));

    public static ReplicaAddress Replica(string datacenter) => new(Shard, new(datacenter));

    public Task<FoundingResult> TryOpenAsync(string datacenter) => TryOpenAsync(datacenter, Current[new(datacenter)]);

    public Task<FoundingResult> TryOpenAsync(string datacenter, IReplicaStore store) => Founder(new(datacenter), store).TryOpenAsync(Replica(datacenter));

    public async Task<bool> NeedsTurnAsync(ReplicaAddress replica)
    {
        using var turn = await Founder(replica.Datacenter, Current[replica.Datacenter]).TakeTurnAsync(replica, default);
        return turn is not null;
    }

    public IDatacenterLinks LinksOf(string datacenter) => new Links(this, new(datacenter));

    public Guid? HomeOf(string replica, string rememberedBy) =>
        new ReplicaRecords(Current[new(rememberedBy)]).GetHomeAsync(Replica(replica)).AsTask().Result;

    private async Task<IntroductionReply> IntroduceAsync(DatacenterId to, DatacenterId from, Guid storeId, ImmutableArray<DatacenterId> witnesses) => await Deliver(async () =>
    {
        if (Away.Contains(to))
        {
            throw new TimeoutException();
        }

        return await Founder(to, Current[to]).AnswerAsync(new(Shard, to), from, storeId, witnesses);
    });

    private ReplicaFounder Founder(DatacenterId datacenter, IReplicaStore store) =>
        new(store, new(store), new Links(this, datacenter), Grains(datacenter), TestGate.Open, new(new(null)), new FakeTimeProvider(), NullLogger<ReplicaFounder>.Instance);

    private IGrainFactory Grains(DatacenterId datacenter)
    {
        var register = DispatchProxy.Create<IHomeRegisterGrain, Register>();
        ((Register)(object)register).Home = () => Replaced.Contains(datacenter) ? new(Current[datacenter].Identity.StoreId, 1) : null;
        var grains = DispatchProxy.Create<IGrainFactory, GrainFactory>();
        ((GrainFactory)(object)grains).Register = register;
        return grains;
    }

    /// <summary>Has the grain that names homes, and no other.</summary>
    [SuppressMessage("Performance", "CA1852", Justification = "a dispatch proxy is derived from")]
    internal class GrainFactory : DispatchProxy
    {
        public IHomeRegisterGrain Register { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.ReturnType == typeof(IHomeRegisterGrain) ? Register : throw new NotSupportedException(targetMethod.Name);
    }

    /// <summary>Stands for the ring grain.</summary>
    [SuppressMessage("Performance", "CA1852", Justification = "a dispatch proxy is derived from")]
    internal class Register : DispatchProxy
    {
        public Func<ReplicaHome?> Home { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name is nameof(IHomeRegisterGrain.ClaimAsync) or nameof(IHomeRegisterGrain.GetHomeAsync)
                ? Task.FromResult(Home())
                : throw new NotSupportedException(targetMethod.Name);
    }

    private sealed class Links(FoundingWorld world, DatacenterId local) : IDatacenterLinks
    {
        public DatacenterId Local => local;

        public IReadOnlyList<DatacenterId> Datacenters => world.Datacenters;

        public ImmutableArray<DatacenterId> Witnesses => [.. world.OtherWitnesses.GetValueOrDefault(local, world.Witnesses)];

        public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
        {
            link = new Link(world, datacenter);
            return true;
        }
    }

    private sealed class Link(FoundingWorld world, DatacenterId datacenter) : IDatacenterLink
    {
        public DatacenterId Datacenter => datacenter;

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey
        {
            Assert.Equal($"{Shard}@{datacenter}", key);
            var peer = DispatchProxy.Create<TGrain, Peer>();
            ((Peer)(object)peer).Introduce = (from, storeId, witnesses) => world.IntroduceAsync(datacenter, from, storeId, witnesses);
            grain = peer;
            return true;
        }
    }

    /// <summary>Stands for the replica grain of another datacenter.</summary>
    [SuppressMessage("Performance", "CA1852", Justification = "a dispatch proxy is derived from")]
    internal class Peer : DispatchProxy
    {
        public Func<DatacenterId, Guid, ImmutableArray<DatacenterId>, Task<IntroductionReply>> Introduce { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name == nameof(IReplicaPeerGrain.IntroduceAsync)
            ? Introduce((DatacenterId)args![0]!, (Guid)args[1]!, (ImmutableArray<DatacenterId>)args[2]!)
            : throw new NotSupportedException(targetMethod.Name);
    }
}
