using System.Diagnostics.CodeAnalysis;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;

namespace MultiDc.Client.Tests;

/// <summary>Three datacenters whose replica and ring grains answer as the test says; each call is written down.</summary>
internal sealed class FakeDatacenters : IDatacenterLinks
{
    public static readonly DatacenterId A = new("a");
    public static readonly DatacenterId B = new("b");
    public static readonly DatacenterId C = new("c");

    public DatacenterId Local { get; set; } = A;

    public IReadOnlyList<DatacenterId> Datacenters { get; } = [A, B, C];

    /// <summary>The places of a shard's replicas: one in each datacenter, unless the test says otherwise.</summary>
    public IReadOnlyList<ReplicaPlace> Places { get; set; } = [A, B, C];

    /// <summary>Datacenters that were never connected.</summary>
    public HashSet<DatacenterId> NotConnected { get; } = [];

    /// <summary>Datacenters that answered no ping lately.</summary>
    public HashSet<DatacenterId> Down { get; } = [];

    /// <summary>What the links have measured.</summary>
    public Dictionary<DatacenterId, TimeSpan> RoundTrips { get; } = [];

    /// <summary>Cancelled by a test: the connection to the datacenter is closed.</summary>
    public Dictionary<DatacenterId, CancellationToken> Lost { get; } = [];

    public Func<DatacenterId, WriteRequest, Task<WriteResult>> Write { get; set; } = static (_, request) => Task.FromResult<WriteResult>(new Applied(new(request.Sequence.Value)));

    public Func<DatacenterId, Task<OpenSessionReply>> Open { get; set; } = null!;

    public Func<DatacenterId, ReadRequest, Task<ReadResult>> Read { get; set; } = static (_, _) => Task.FromResult<ReadResult>(new ReadServed(null));

    public Func<DatacenterId, StaleReadRequest, Task<ReadResult>> ReadStale { get; set; } = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, Datacenter: at));

    public Func<DatacenterId, ReadAtLeastRequest, Task<ReadResult>> ReadAtLeast { get; set; } = static (at, request) => Task.FromResult<ReadResult>(new ReadServed(null, request.AtLeast, Datacenter: at));

    public Func<DatacenterId, ReadRequest, Task<ReadResult>> ReadByFollower { get; set; } = static (at, _) => Task.FromResult<ReadResult>(new ReadServed(null, Datacenter: at));

    public Func<ShardId, DatacenterId, ScanRequest, Task<ScanReply>> Scan { get; set; } = static (_, _, _) => Task.FromResult<ScanReply>(new([], false, null));

    public Func<LeaseReadRequest, LeaseReply> Lease { get; set; } = static _ => new(null, null);

    public Func<ShardId, DatacenterId, WatchRequest, Task<WatchReply>> Watch { get; set; } = static (_, _, _) => Never<WatchReply>();

    public Func<DatacenterId, Task<RingSnapshot?>> Ring { get; set; } = static _ => Task.FromResult<RingSnapshot?>(null);

    public Func<DatacenterId, KeyspaceDescriptor, Task<WriteResult>> CreateKeyspace { get; set; } = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(1)));

    public Func<DatacenterId, KeyspaceDescriptor, Task<WriteResult>> DefineKeyspace { get; set; } = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(1)));

    public Func<DatacenterId, string, KeyspaceChange, Task<WriteResult>> AlterKeyspace { get; set; } = static (_, _, _) => Task.FromResult<WriteResult>(new Applied(new(1)));

    public Func<DatacenterId, string, ulong?, Task<WriteResult>> DropKeyspace { get; set; } = static (_, _, _) => Task.FromResult<WriteResult>(new Applied(new(1)));

    public List<(DatacenterId At, WriteRequest Request)> Writes { get; } = [];

    public List<DatacenterId> Opens { get; } = [];

    public List<DatacenterId> Reads { get; } = [];

    /// <summary>Which replicas were asked to write or read.</summary>
    public List<ReplicaPlace> Asked { get; } = [];

    /// <summary>Replicas that serve nothing.</summary>
    public HashSet<ReplicaPlace> NotReady { get; } = [];

    public List<DatacenterId> RingCalls { get; } = [];

    /// <summary>Links that were told of a call without an answer.</summary>
    public List<DatacenterId> Unanswered { get; } = [];

    public FakeDatacenters() => Open = _ => Task.FromResult<OpenSessionReply>(new(new((ulong)Opens.Count), new Applied(new((ulong)Opens.Count))));

    public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
    {
        link = new Link(this, datacenter);
        return Datacenters.Contains(datacenter);
    }

    public static Task<T> Never<T>() => new TaskCompletionSource<T>().Task;

    private sealed class Link(FakeDatacenters world, DatacenterId datacenter) : IDatacenterLink
    {
        public DatacenterId Datacenter => datacenter;

        public bool IsUp => !world.Down.Contains(datacenter);

        public TimeSpan? RoundTripTime => world.RoundTrips.TryGetValue(datacenter, out var roundTrip) ? roundTrip : null;

        public CancellationToken Lost => world.Lost.GetValueOrDefault(datacenter);

        public void NoteUnanswered() => world.Unanswered.Add(datacenter);

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey
        {
            grain = world.NotConnected.Contains(datacenter) ? null
                : typeof(TGrain) == typeof(IReplicaGrain) ? (TGrain)(object)new FakeReplica(world, key)
                : (TGrain)(object)new FakeRing(world, datacenter);
            return grain is not null;
        }
    }

    private sealed class FakeReplica : IReplicaGrain
    {
        private readonly FakeDatacenters world;
        private readonly ReplicaAddress address;

        public FakeReplica(FakeDatacenters world, string key)
        {
            this.world = world;
            Assert.True(ReplicaAddress.TryParse(key, out address), key);
        }

        private static Task<ReadResult> Refused => Task.FromResult<ReadResult>(new ReadRejected(RejectionReason.NotReady, "founding"));

        public Task<OpenSessionReply> OpenSessionAsync(OpenSessionRequest request)
        {
            world.Opens.Add(address.Datacenter);
            return world.Open(address.Datacenter);
        }

        public Task<WriteResult> WriteAsync(WriteRequest request)
        {
            world.Writes.Add((address.Datacenter, request));
            world.Asked.Add(address.Place);
            return world.Write(address.Datacenter, request);
        }

        public Task<ReadResult> ReadAsync(ReadRequest request)
        {
            world.Reads.Add(address.Datacenter);
            world.Asked.Add(address.Place);
            return world.NotReady.Contains(address.Place) ? Refused : world.Read(address.Datacenter, request);
        }

        public async Task<WriteManyReply> WriteManyAsync(WriteManyRequest request) => new(await Task.WhenAll(request.Writes.Select(WriteAsync)));

        public async Task<ReadManyReply> ReadManyAsync(ReadManyRequest request) => new(await Task.WhenAll(request.Reads.Select(ReadAsync)));

        public Task<ReadResult> ReadStaleAsync(StaleReadRequest request)
        {
            world.Reads.Add(address.Datacenter);
            world.Asked.Add(address.Place);
            return world.NotReady.Contains(address.Place) ? Refused : world.ReadStale(address.Datacenter, request);
        }

        public Task<ReadResult> ReadAtLeastAsync(ReadAtLeastRequest request)
        {
            world.Reads.Add(address.Datacenter);
            world.Asked.Add(address.Place);
            return world.NotReady.Contains(address.Place) ? Refused : world.ReadAtLeast(address.Datacenter, request);
        }

        public Task<ReadResult> ReadByFollowerAsync(ReadRequest request)
        {
            world.Reads.Add(address.Datacenter);
            world.Asked.Add(address.Place);
            return world.NotReady.Contains(address.Place) ? Refused : world.ReadByFollower(address.Datacenter, request);
        }

        public Task<ScanReply> ScanAsync(ScanRequest request) => world.Scan(address.Shard, address.Datacenter, request);

        public Task<LeaseReply> ReadLeaseAsync(LeaseReadRequest request) => Task.FromResult(world.Lease(request));

        public Task<WatchReply> WatchAsync(WatchRequest request) => world.Watch(address.Shard, address.Datacenter, request);

        public Task<ReplicaStatus> GetStatusAsync() => throw new InvalidOperationException("away");

        public Task<bool> TransferLeadershipAsync(DatacenterId to) => throw new NotSupportedException();
    }

    private sealed class FakeRing(FakeDatacenters world, DatacenterId datacenter) : IRingGrain
    {
        public Task<RingSnapshot?> GetSnapshotAsync(RingVersion newerThan)
        {
            world.RingCalls.Add(datacenter);
            return world.Ring(datacenter);
        }

        public Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace) => world.CreateKeyspace(datacenter, keyspace);

        public Task<WriteResult> DefineKeyspaceAsync(KeyspaceDescriptor keyspace) => world.DefineKeyspace(datacenter, keyspace);

        public Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change) => world.AlterKeyspace(datacenter, keyspace, change);

        public Task<WriteResult> DropKeyspaceAsync(string keyspace, ulong? incarnation) => world.DropKeyspace(datacenter, keyspace, incarnation);
    }
}
