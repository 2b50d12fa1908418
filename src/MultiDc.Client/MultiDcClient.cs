using System.Runtime.CompilerServices;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;

namespace MultiDc.Client;

/// <inheritdoc cref="IMultiDcClient"/>
internal sealed partial class MultiDcClient(
    IDatacenterLinks links, RingCache ring, ShardRouter router, MultiDcClientOptions options, TimeProvider time, Func<double> jitter) : IMultiDcClient
{
    private const int ScanPageEntries = 256;
    private static readonly TimeSpan StatusTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ConnectPollPeriod = TimeSpan.FromMilliseconds(50);

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout, CancellationToken cancellationToken) =>
        GetAsync(keyspace, key, ReadLevel.Linearizable, timeout, cancellationToken);

    public async Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, ReadLevel level, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (KeyLimits.DescribeKeyProblem(key.Span) is { } problem)
        {
            return new ReadRejected(RejectionReason.InvalidArgument, problem);
        }

        var deadline = new Deadline(time, timeout ?? options.DefaultTimeout);
        var (descriptor, unknown) = await ring.FindAsync(keyspace, deadline.Remaining, cancellationToken).ConfigureAwait(false);
        if (descriptor is null)
        {
            return new ReadRejected(unknown!.Reason, unknown.Detail);
        }

        var shard = RingSnapshot.ShardOf(descriptor, key.Span);
        return level.IsLocal
            ? await router.ReadStaleAsync(shard, descriptor.FullDatacenters, key, level.MaxStaleness, deadline.Remaining, cancellationToken).ConfigureAwait(false)
            : await router.ReadAsync(shard, descriptor.FullDatacenters, key, deadline.Remaining, cancellationToken).ConfigureAwait(false);
    }

    public Task<WriteResult> PutAsync(string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? timeout, CancellationToken cancellationToken) =>
        WriteAsync(keyspace, new PutOperation(key, value), timeout, cancellationToken);

    public Task<WriteResult> DeleteAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout, CancellationToken cancellationToken) =>
        WriteAsync(keyspace, new DeleteOperation(key), timeout, cancellationToken);

    public Task<WriteResult> CompareAndSetAsync(
        string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, TimeSpan? timeout, CancellationToken cancellationToken) =>
        WriteAsync(keyspace, new CompareAndSetOperation(key, expected, value), timeout, cancellationToken);

    public async Task<WriteResult> WriteAsync(string keyspace, WriteOperation operation, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (OperationLimits.DescribeProblem(operation) is { } problem)
        {
            return new Rejected(RejectionReason.InvalidArgument, problem);
        }

        if (Names.IsSystemKeyspace(keyspace))
        {
            return new Rejected(RejectionReason.InvalidArgument, $"keyspace '{keyspace}' is the system's own");
        }

        var deadline = new Deadline(time, timeout ?? options.DefaultTimeout);
        var (descriptor, unknown) = await ring.FindAsync(keyspace, deadline.Remaining, cancellationToken).ConfigureAwait(false);
        if (descriptor is null)
        {
            return unknown!;
        }

        var shard = RingSnapshot.ShardOf(descriptor, operation.Key.Span);
        return operation is BatchOperation batch && batch.Keys.Any(key => RingSnapshot.ShardOf(descriptor, key.Span) != shard)
            ? new Rejected(RejectionReason.InvalidArgument, "the keys of the batch are in different shards: give them a common {tag}")
            : await router.WriteAsync(shard, descriptor.FullDatacenters, operation, deadline.Remaining, cancellationToken).ConfigureAwait(false);
    }

    public async Task<LeaseReply> GetLeaseAsync(string keyspace, ReadOnlyMemory<byte> key, LeaseId lease, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (KeyLimits.DescribeKeyProblem(key.Span) is { } problem)
        {
            return new(null, new(RejectionReason.InvalidArgument, problem));
        }

        var deadline = new Deadline(time, timeout ?? options.DefaultTimeout);
        var (descriptor, unknown) = await ring.FindAsync(keyspace, deadline.Remaining, cancellationToken).ConfigureAwait(false);
        return descriptor is null
            ? new(null, new(unknown!.Reason, unknown.Detail))
            : await router.ReadLeaseAsync(RingSnapshot.ShardOf(descriptor, key.Span), descriptor.FullDatacenters, lease, deadline.Remaining, cancellationToken).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<KeyValueEntry> ScanAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (descriptor, unknown) = await ring.FindAsync(keyspace, timeout ?? options.DefaultTimeout, cancellationToken).ConfigureAwait(false);
        if (descriptor is null)
        {
            throw new MultiDcUnavailableException(unknown!.Reason, unknown.Detail);
        }

        // Keys are spread over the shards by hash, so key order comes from merging all of them.
        var shards = await Task.WhenAll(Enumerable.Range(0, descriptor.ShardCount).Select(FirstPageAsync)).ConfigureAwait(false);
        var next = new PriorityQueue<ShardScan, ReadOnlyMemory<byte>>(KeyOrder.Instance);
        foreach (var shard in shards.Where(static shard => shard.HasCurrent))
        {
            next.Enqueue(shard, shard.Current.Key);
        }

        while (next.TryDequeue(out var shard, out _))
        {
            yield return shard.Current;
            if (await shard.MoveNextAsync(cancellationToken).ConfigureAwait(false))
            {
                next.Enqueue(shard, shard.Current.Key);
            }
        }

        async Task<ShardScan> FirstPageAsync(int number)
        {
            var scan = new ShardScan(new(descriptor.Name, number), async (id, after) =>
            {
                var patience = timeout ?? options.DefaultTimeout;
                var reply = await router.ScanAsync(id, descriptor.FullDatacenters, new(prefix, after, ScanPageEntries, patience), patience, cancellationToken).ConfigureAwait(false);
                return reply.Rejection is { } rejection ? throw new MultiDcUnavailableException(rejection.Reason, $"shard {id}: {rejection.Detail}") : reply;
            });
            await scan.MoveNextAsync(cancellationToken).ConfigureAwait(false);
            return scan;
        }
    }

    public async Task<WriteResult> CreateKeyspaceAsync(string keyspace, int shardCount, CancellationToken cancellationToken)
    {
        var descriptor = new KeyspaceDescriptor(keyspace, shardCount, [.. links.Datacenters.Order()]);
        if (descriptor.DescribeProblem() is { } problem)
        {
            return new Rejected(RejectionReason.InvalidArgument, problem);
        }

        WriteResult last = new Rejected(RejectionReason.Unavailable, "no datacenter is connected");
        Unknown? mayHaveHappened = null;
        foreach (var datacenter in links.Datacenters.OrderBy(d => d == links.Local ? 0 : 1))
        {
            if (links.TryGetLink(datacenter, out var link) && link.TryGetGrain<IRingGrain>(datacenter.Value, out var grain))
            {
                try
                {
                    last = await grain.CreateKeyspaceAsync(descriptor).WaitAsync(options.DefaultTimeout, time, cancellationToken).ConfigureAwait(false);
                }
                catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
                {
                    // Creating the same keyspace twice is harmless, so an unknown outcome may be tried elsewhere.
                    last = new Unknown($"datacenter {datacenter} did not answer: {exception.Message}");
                }

                // That the name is taken holds for all attempts; any other refusal is about the last one only.
                if (last is Applied or Rejected { Reason: RejectionReason.InvalidArgument })
                {
                    return last;
                }

                mayHaveHappened ??= last as Unknown;
                if (last is Rejected { Reason: not RejectionReason.Unavailable })
                {
                    break;
                }
            }
        }

        return mayHaveHappened ?? last;
    }

    public Task<RingSnapshot?> GetRingAsync(CancellationToken cancellationToken) => ring.RefreshAsync(cancellationToken);

    public async Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken)
    {
        var snapshot = await ring.RefreshAsync(cancellationToken).ConfigureAwait(false);
        var replicas = links.Datacenters.Select(static d => new ReplicaAddress(ShardId.Ring, d)).Concat(
            from keyspace in snapshot?.Keyspaces ?? []
            from number in Enumerable.Range(0, keyspace.ShardCount)
            from datacenter in keyspace.Datacenters
            select new ReplicaAddress(new(keyspace.Name, number), datacenter));
        return await Task.WhenAll(replicas.Select(StatusOfAsync)).ConfigureAwait(false);

        async Task<ReplicaStatus> StatusOfAsync(ReplicaAddress replica)
        {
            try
            {
                // A client that has just been started may still be on its way to the other datacenters.
                var patience = new Deadline(time, ConnectTimeout);
                IReplicaGrain? grain;
                while (!links.TryGetLink(replica.Datacenter, out var link) || !link.TryGetGrain(replica.ToString(), out grain))
                {
                    if (patience.Remaining == TimeSpan.Zero)
                    {
                        return Unreachable(replica, "its datacenter was never connected");
                    }

                    await Task.Delay(ConnectPollPeriod, time, cancellationToken).ConfigureAwait(false);
                }

                return await grain.GetStatusAsync().WaitAsync(StatusTimeout, time, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                return Unreachable(replica, exception.Message);
            }
        }
    }

    private static ReplicaStatus Unreachable(ReplicaAddress replica, string detail) => new(replica.ToString(), "", "unreachable", detail, "", 0, null, 0, 0, 0, 0);

    private readonly struct Deadline(TimeProvider time, TimeSpan timeout)
    {
        private readonly long startedAt = time.GetTimestamp();

        public TimeSpan Remaining => timeout - time.GetElapsedTime(startedAt) is { Ticks: > 0 } left ? left : TimeSpan.Zero;
    }
}
