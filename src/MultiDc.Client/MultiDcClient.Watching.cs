using System.Runtime.CompilerServices;
using MultiDc.Client.Watching;
using MultiDc.Ring;

namespace MultiDc.Client;

/// <summary>Watches.</summary>
internal sealed partial class MultiDcClient
{
    // What may wait for a slow consumer, over all shards, and of one shard.
    private const int WaitingBytes = 4 * 1024 * 1024;
    private const int MaxPageBytes = 256 * 1024;
    private const int MinPageBytes = 16 * 1024;

    public async IAsyncEnumerable<WatchBatch> WatchAsync(
        string keyspace, WatchFilter filter, WatchStart start, TimeSpan? timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (filter.DescribeProblem() is { } problem)
        {
            throw new MultiDcUnavailableException(RejectionReason.InvalidArgument, problem);
        }

        var (descriptor, unknown) = await FindForWatchAsync(keyspace, timeout, cancellationToken).ConfigureAwait(false);
        if (descriptor is null)
        {
            throw new MultiDcUnavailableException(unknown!.Reason, unknown.Detail);
        }

        // Of a token of all shards, which a watch of such a prefix had before this was known, the watch goes on so.
        int? only = !IsOfOneShard(descriptor, filter) || (filter.IsPrefix && start.Token is { IsOfAllShards: true }) ? null : RingSnapshot.ShardOf(descriptor, filter.Bytes.Span).Number;
        int[] shards = only is { } one ? [one] : [.. Enumerable.Range(0, descriptor.ShardCount)];
        var from = start.Revision is { } revision
            ? WatchToken.OfShard(descriptor.Group, descriptor.ShardCount, shards[0], revision)
            : start.Token;
        if (DescribeProblem(from, descriptor, shards) is { } wrong)
        {
            throw new MultiDcUnavailableException(RejectionReason.InvalidArgument, wrong);
        }

        var context = new ShardWatchContext(links, options.Watch, options.Router.AttemptTimeout, options.DefaultTimeout, timeout, time, jitter);
        var pageBytes = Math.Clamp(WaitingBytes / shards.Length, MinPageBytes, MaxPageBytes);
        var watches = shards.ToDictionary(
            static number => number,
            number => new ShardWatch(descriptor.ShardAt(number), descriptor.FullPlaces, filter, from?.RevisionOf(number), pageBytes, context));
        var merged = new MergedWatch(
            descriptor.Group,
            watches,
            from,
            begun => only is { } number
                ? WatchToken.OfShard(descriptor.Group, descriptor.ShardCount, number, begun[number])
                : WatchToken.OfAllShards(descriptor.Group, shards.Select(shard => begun[shard])),
            time);
        await foreach (var batch in merged.RunAsync(cancellationToken).ConfigureAwait(false))
        {
            // Before the consumer has it: what it reads next is no older.
            session?.Begin(batch.Shard).NoteMaybeOlder(batch.Revision);
            yield return batch;
        }
    }

    // Keys that begin with a whole tag have it in common, whatever follows.
    private static bool IsOfOneShard(KeyspaceDescriptor keyspace, WatchFilter filter) =>
        !filter.IsPrefix || (keyspace.Partitioning == Partitioning.Hash && HashRange.PartitionOf(filter.Bytes.Span).Length < filter.Bytes.Length);

    private static string? DescribeProblem(WatchToken? from, KeyspaceDescriptor descriptor, int[] shards) => from is null ? null
        : from.Keyspace != descriptor.Group && Names.KeyspaceOf(from.Keyspace) == descriptor.Name
            ? $"the token is of a keyspace '{descriptor.Name}' that was dropped; the one of that name now is another"
        : from.Keyspace != descriptor.Group || from.ShardCount != descriptor.ShardCount
            ? $"the token is of keyspace '{from.Keyspace}' with {from.ShardCount} shards, the watch of '{descriptor.Name}' with {descriptor.ShardCount}"
        : !from.Shards.SequenceEqual(shards) ? "the token is of a watch of other shards: of one key where a prefix is watched, or the other way round, or of a key elsewhere"
        : null;

    // A watch waits for the ring as it waits for a shard.
    private async Task<(KeyspaceDescriptor? Keyspace, Rejected? Problem)> FindForWatchAsync(string keyspace, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = await ring.FindAsync(keyspace, timeout ?? options.DefaultTimeout, cancellationToken).ConfigureAwait(false);
            if (timeout is not null || found.Problem is not { Reason: RejectionReason.Unavailable })
            {
                return found;
            }
        }
    }
}
