using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Openings;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Openings;

/// <summary>A replica in datacenter a that is opened and presented to b and c, each of which remembers in a store of its own.</summary>
internal sealed class OpeningsWorld : IDisposable
{
    public static readonly ReplicaAddress A = new(new("kv", 0), new("a"));
    public static readonly DatacenterId B = new("b");
    public static readonly DatacenterId C = new("c");
    private static readonly DatacenterId[] Datacenters = [A.Datacenter, B, C];
    private readonly ReplicaMetrics metrics = new(null);
    private readonly Dictionary<DatacenterId, OpeningJudge> judges = [];

    public OpeningsWorld()
    {
        foreach (var datacenter in Datacenters)
        {
            Disks[datacenter] = new(new("test", Guid.NewGuid()));
            Restart(datacenter);
        }
    }

    public Dictionary<DatacenterId, MemoryDisk> Disks { get; } = [];

    public HashSet<DatacenterId> Away { get; } = [];

    /// <summary>Whom the others follow.</summary>
    public Dictionary<DatacenterId, DatacenterId> Following { get; } = [];

    /// <summary>The Raft ids of those that came in the place of a founder.</summary>
    public Dictionary<DatacenterId, ulong> Members { get; } = [];

    /// <summary>How often each was asked.</summary>
    public Dictionary<DatacenterId, int> Asked { get; } = new() { [B] = 0, [C] = 0 };

    /// <summary>How often each answered.</summary>
    public Dictionary<DatacenterId, int> Answered { get; } = new() { [B] = 0, [C] = 0 };

    public FakeTimeProvider Time { get; } = new();

    public OpeningJudge Judge(DatacenterId datacenter) => judges[datacenter];

    /// <summary>The silo of a datacenter starts over the same disk, and has in memory what it has on the disk.</summary>
    public void Restart(DatacenterId datacenter)
    {
        var store = new MemoryReplicaStore(Disks[datacenter]);
        judges[datacenter] = new(store, new(store), metrics, Time, NullLogger<OpeningJudge>.Instance);
    }

    public async Task<(OpeningPresenter Presenter, IReplicaStorage Storage)> OpenAsync()
    {
        var store = new MemoryReplicaStore(Disks[A.Datacenter]);
        var founding = new ReplicaFounding(new GroupMembers(Datacenters).Configuration);
        var storage = (await store.OpenAsync(new(A.ToString()), founding))!;
        var opened = new Opened(storage, new(HashRange.Full, [.. Datacenters], []), Guid.NewGuid());
        return (new(A, opened, new(store), new Links(this), TestGate.Open.Own, metrics, Time, NullLogger.Instance), storage);
    }

    /// <summary>What the replica's own store says of it.</summary>
    public async Task<string?> OwnVerdictAsync()
    {
        var records = new ReplicaRecords(new MemoryReplicaStore(Disks[A.Datacenter]));
        return await records.GetRolledBackAsync(A, records.StoreId);
    }

    public static async Task WriteAsync(IReplicaStorage storage, ulong term, ReplicaId votedFor, ulong first = 1, ulong last = 0) => await storage.WriteAsync(new()
    {
        HardState = new(new(term), votedFor, default),
        Entries = [.. Enumerable.Range((int)first, (int)(last + 1 - first)).Select(i => new LogEntry(new(new(term), new((ulong)i)), EntryKind.Command, default))],
    });

    /// <summary>Its log says that another came in the place of a founder.</summary>
    public static async Task ReplaceAsync(IReplicaStorage storage, ReplicaId old, ReplicaId next)
    {
        var configuration = new GroupConfiguration([next, .. new GroupMembers(Datacenters).Configuration.Voters.Where(voter => voter != old)]);
        var payload = new System.Buffers.ArrayBufferWriter<byte>();
        ConfigurationCodec.Encode(configuration, payload);
        await storage.WriteAsync(new()
        {
            HardState = new(new(1), default, default),
            Entries = [new LogEntry(new(new(1), new(1)), EntryKind.Configuration, payload.WrittenMemory)],
        });
    }

    public void Dispose() => metrics.Dispose();

    private async Task<PresentationReply> AnswerAsync(DatacenterId datacenter, Presentation presentation)
    {
        Asked[datacenter]++;
        if (Away.Contains(datacenter))
        {
            throw new TimeoutException("away");
        }

        var (verdict, why) = await Judge(datacenter).JudgeAsync(A, presentation);
        Answered[datacenter]++;
        return new(Disks[datacenter].Identity.StoreId, verdict, why, Following.TryGetValue(datacenter, out var leader) ? leader : null)
        {
            Member = Members.GetValueOrDefault(datacenter),
        };
    }

    private sealed class Links(OpeningsWorld world) : IDatacenterLinks
    {
        public DatacenterId Local => A.Datacenter;

        public IReadOnlyList<DatacenterId> Datacenters => OpeningsWorld.Datacenters;

        public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
        {
            link = new Link(world, datacenter);
            return true;
        }
    }

    private sealed class Link(OpeningsWorld world, DatacenterId datacenter) : IDatacenterLink
    {
        public DatacenterId Datacenter => datacenter;

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey
        {
            var peer = DispatchProxy.Create<TGrain, Peer>();
            ((Peer)(object)peer).Present = presentation => world.AnswerAsync(datacenter, presentation);
            grain = peer;
            return true;
        }
    }

    /// <summary>Stands for the replica grain of another datacenter.</summary>
    [SuppressMessage("Performance", "CA1852", Justification = "a dispatch proxy is derived from")]
    internal class Peer : DispatchProxy
    {
        public Func<Presentation, Task<PresentationReply>> Present { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => targetMethod!.Name == nameof(IReplicaPeerGrain.PresentAsync)
            ? Present((Presentation)args![1]!)
            : throw new NotSupportedException(targetMethod.Name);
    }
}
