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

    // Whose reads and writes these are; null: nobody's in particular.
    private ReadSession? session;

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout, CancellationToken cancellationToken) =>
        ReadAsync(keyspace, key, session is null ? null : ReadLevel.Session(session), timeout, cancellationToken);

    public IMultiDcClient InSession(ReadSession session) =>
        new MultiDcClient(links, ring, router, options, time, jitter) { session = session ?? throw new ArgumentNullException(nameof(session)) };

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, ReadLevel level, TimeSpan? timeout, CancellationToken cancellationToken) =>
        ReadAsync(keyspace, key, level, timeout, cancellationToken);

    // Null: as the keyspace has it.
    private async Task<ReadResult> ReadAsync(string keyspace, ReadOnlyMemory<byte> key, ReadLevel? wanted, TimeSpan? timeout, CancellationToken cancellationToken)
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
        var level = wanted ?? descriptor.ReadDefault?.ReadLevel ?? ReadLevel.Linearizable;
        var noted = level.OfSession is { } own && own != session ? session?.Begin(shard) : null;
        var read = (level.OfSession ?? session)?.Begin(shard);
        var result = await (level.Kind switch
        {
            ReadLevelKind.Linearizable when level.PrefersOwnReplica => router.ReadByFollowerAsync(shard, descriptor.FullPlaces, key, deadline.Remaining, cancellationToken),
            ReadLevelKind.Linearizable => router.ReadAsync(shard, descriptor.FullPlaces, key, deadline.Remaining, cancellationToken),
            ReadLevelKind.Session => router.ReadAtLeastAsync(shard, descriptor.FullPlaces, key, read!.Value.Minimum, deadline.Remaining, cancellationToken),
            _ => router.ReadStaleAsync(shard, descriptor.FullPlaces, key, level.MaxStaleness, deadline.Remaining, cancellationToken),
        }).ConfigureAwait(false);
        if (result is ReadServed served)
        {
            read?.Note(served.Revision);
            noted?.Note(served.Revision);

            // A replica of an earlier version does not say what it promises.
            return served.Level == ReadLevelKind.Local ? served with { Level = level.Kind } : served;
        }

        return result;
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

        if (descriptor.DescribeProblem(operation) is { } overLimit)
        {
            return new Rejected(RejectionReason.InvalidArgument, overLimit);
        }

        var shard = RingSnapshot.ShardOf(descriptor, operation.Key.Span);
        if (operation is BatchOperation batch && batch.Keys.Any(key => RingSnapshot.ShardOf(descriptor, key.Span) != shard))
        {
            return new Rejected(RejectionReason.InvalidArgument, $"the keys of the batch are in different shards: {(descriptor.Partitioning == Partitioning.Hash ? "give them a common {tag}" : "the keyspace is split between them")}");
        }

        var write = session?.Begin(shard);
        var result = await router.WriteAsync(shard, descriptor.FullPlaces, operation, deadline.Remaining, cancellationToken).ConfigureAwait(false);
        write?.Note((result as Applied)?.Revision ?? (result as Rejected)?.Revision ?? default);
        return result;
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
            : await router.ReadLeaseAsync(RingSnapshot.ShardOf(descriptor, key.Span), descriptor.FullPlaces, lease, deadline.Remaining, cancellationToken).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<KeyValueEntry> ScanAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (descriptor, unknown) = await ring.FindAsync(keyspace, timeout ?? options.DefaultTimeout, cancellationToken).ConfigureAwait(false);
        if (descriptor is null)
        {
            throw new MultiDcUnavailableException(unknown!.Reason, unknown.Detail);
        }

        if (descriptor.Partitioning == Partitioning.Range)
        {
            for (var number = 0; number < descriptor.ShardCount; number++)
            {
                if (descriptor.RangeOf(number).MayContainPrefix(prefix.Span))
                {
                    for (var scan = await FirstPageAsync(number).ConfigureAwait(false); scan.HasCurrent; await scan.MoveNextAsync(cancellationToken).ConfigureAwait(false))
                    {
                        yield return scan.Current;
                    }
                }
            }

            yield break;
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
                var read = session?.Begin(id);
                var reply = await router.ScanAsync(id, descriptor.FullPlaces, new(prefix, after, ScanPageEntries, patience), patience, cancellationToken).ConfigureAwait(false);
                read?.Note(reply.Revision);
                return reply.Rejection is { } rejection ? throw new MultiDcUnavailableException(rejection.Reason, $"shard {id}: {rejection.Detail}") : reply;
            });
            await scan.MoveNextAsync(cancellationToken).ConfigureAwait(false);
            return scan;
        }
    }

    public Task<RingSnapshot?> GetRingAsync(CancellationToken cancellationToken) => ring.RefreshAsync(cancellationToken);

    public async Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken)
    {
        var snapshot = await ring.RefreshAsync(cancellationToken).ConfigureAwait(false);
        var replicas = links.Datacenters.Select(static d => new ReplicaAddress(ShardId.Ring, d)).Concat(
            from keyspace in snapshot?.Keyspaces ?? []
            from number in Enumerable.Range(0, keyspace.ShardCount)
            from place in keyspace.Places.OrderBy(static place => place.Datacenter)
            select ReplicaAddress.Of(new(keyspace.Name, number), place));
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
