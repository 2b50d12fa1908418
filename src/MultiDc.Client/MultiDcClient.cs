using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;

namespace MultiDc.Client;

/// <inheritdoc cref="IMultiDcClient"/>
internal sealed partial class MultiDcClient(
    IDatacenterLinks links, RingCache ring, ShardRouter router, MultiDcClientOptions options, TimeProvider time, Func<double> jitter) : IMultiDcClient
{
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

        var result = await ReadAsync(descriptor, key, wanted, deadline, cancellationToken).ConfigureAwait(false);
        return result is ReadRejected { Reason: RejectionReason.UnknownKeyspace } && await ring.FindSuccessorAsync(descriptor, cancellationToken).ConfigureAwait(false) is { } successor
            ? await ReadAsync(successor, key, wanted, deadline, cancellationToken).ConfigureAwait(false)
            : result;
    }

    private async Task<ReadResult> ReadAsync(KeyspaceDescriptor descriptor, ReadOnlyMemory<byte> key, ReadLevel? wanted, Deadline deadline, CancellationToken cancellationToken)
    {
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
            if (level.Kind is ReadLevelKind.Linearizable or ReadLevelKind.Session)
            {
                read?.Note(served.Revision);
            }
            else
            {
                read?.NoteMaybeOlder(served.Revision);
            }

            noted?.NoteMaybeOlder(served.Revision);

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

        var result = await WriteAsync(descriptor, operation, deadline, cancellationToken).ConfigureAwait(false);
        return result is Rejected { Reason: RejectionReason.UnknownKeyspace } && await ring.FindSuccessorAsync(descriptor, cancellationToken).ConfigureAwait(false) is { } successor
            ? await WriteAsync(successor, operation, deadline, cancellationToken).ConfigureAwait(false)
            : result;
    }

    private Task<WriteResult> WriteAsync(KeyspaceDescriptor descriptor, WriteOperation operation, Deadline deadline, CancellationToken cancellationToken)
    {
        if (descriptor.DescribeProblem(operation) is { } overLimit)
        {
            return Task.FromResult<WriteResult>(new Rejected(RejectionReason.InvalidArgument, overLimit));
        }

        var shard = RingSnapshot.ShardOf(descriptor, operation.Key.Span);
        if (operation is BatchOperation batch && HasKeyOfOtherShard(descriptor, batch, shard))
        {
            return Task.FromResult<WriteResult>(new Rejected(
                RejectionReason.InvalidArgument,
                $"the keys of the batch are in different shards: {(descriptor.Partitioning == Partitioning.Hash ? "give them a common {tag}" : "the keyspace is split between them")}"));
        }

        var noted = session?.Begin(shard);
        var writing = router.WriteAsync(shard, descriptor.FullPlaces, operation, deadline.Remaining, cancellationToken);
        return noted is { } write ? NoteAsync(write, writing) : writing;

        static async Task<WriteResult> NoteAsync(SessionOperation write, Task<WriteResult> writing)
        {
            var result = await writing.ConfigureAwait(false);
            write.Note((result as Applied)?.Revision ?? (result as Rejected)?.Revision ?? default);
            return result;
        }
    }

    private static bool HasKeyOfOtherShard(KeyspaceDescriptor descriptor, BatchOperation batch, ShardId shard) => batch.Keys.Any(key => RingSnapshot.ShardOf(descriptor, key.Span) != shard);

    public async Task<LeaseReply> GetLeaseAsync(string keyspace, ReadOnlyMemory<byte> key, LeaseId lease, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (KeyLimits.DescribeKeyProblem(key.Span) is { } problem)
        {
            return new(null, new(RejectionReason.InvalidArgument, problem));
        }

        var deadline = new Deadline(time, timeout ?? options.DefaultTimeout);
        return await OfKeyspaceAsync<LeaseReply>(
            keyspace,
            deadline,
            async descriptor =>
            {
                var shard = RingSnapshot.ShardOf(descriptor, key.Span);
                var read = session?.Begin(shard);
                var reply = await router.ReadLeaseAsync(shard, descriptor.FullPlaces, lease, deadline.Remaining, cancellationToken).ConfigureAwait(false);
                read?.Note(reply.Revision);
                return reply;
            },
            static problem => new(null, new(problem.Reason, problem.Detail)),
            static reply => reply.Rejection is { Reason: RejectionReason.UnknownKeyspace },
            cancellationToken).ConfigureAwait(false);
    }

    // A keyspace that was dropped, and created anew, since this client heard of the ring: what was refused there was not done, so it may be asked of the new one. Reads and writes of single keys, of which there
    // are so many that an asynchronous method more is felt, say the same for themselves.
    private async Task<TResult> OfKeyspaceAsync<TResult>(
        string keyspace, Deadline deadline, Func<KeyspaceDescriptor, Task<TResult>> ask, Func<Rejected, TResult> refuse, Func<TResult, bool> isGone, CancellationToken cancellationToken)
    {
        var (descriptor, unknown) = await ring.FindAsync(keyspace, deadline.Remaining, cancellationToken).ConfigureAwait(false);
        if (descriptor is null)
        {
            return refuse(unknown!);
        }

        var result = await ask(descriptor).ConfigureAwait(false);
        return isGone(result) && await ring.FindSuccessorAsync(descriptor, cancellationToken).ConfigureAwait(false) is { } successor ? await ask(successor).ConfigureAwait(false) : result;
    }

    public Task<RingSnapshot?> GetRingAsync(CancellationToken cancellationToken) => ring.RefreshAsync(cancellationToken);

    public async Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken)
    {
        var snapshot = await ring.RefreshAsync(cancellationToken).ConfigureAwait(false);
        var replicas = links.Datacenters.Select(static d => new ReplicaAddress(ShardId.Ring, d)).Concat(
            from keyspace in snapshot?.Keyspaces ?? []
            from number in Enumerable.Range(0, keyspace.ShardCount)
            from place in keyspace.Places.OrderBy(static place => place.Datacenter)
            select ReplicaAddress.Of(keyspace.ShardAt(number), place));
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
