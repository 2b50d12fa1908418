using System.Runtime.CompilerServices;
using MultiDc.Ring;

namespace MultiDc.Client;

/// <summary>Scans.</summary>
internal sealed partial class MultiDcClient
{
    // What is asked of a shard at once.
    private const int ScanPageEntries = 256;

    public async IAsyncEnumerable<KeyValueEntry> ScanAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (descriptor, unknown) = await ring.FindAsync(keyspace, timeout ?? options.DefaultTimeout, cancellationToken).ConfigureAwait(false);
        if (descriptor is null)
        {
            throw new MultiDcUnavailableException(unknown!.Reason, unknown.Detail);
        }

        await foreach (var entry in EntriesAsync(descriptor, prefix, null, ScanPageEntries, () => timeout ?? options.DefaultTimeout, cancellationToken).ConfigureAwait(false))
        {
            yield return entry;
        }
    }

    public Task<ScanPage> ScanPageAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ScanToken? token, TimeSpan? timeout, CancellationToken cancellationToken) =>
        ScanPageAsync(keyspace, prefix, limit, token, token?.Last, timeout, cancellationToken);

    public Task<ScanPage> ScanPageAfterAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ReadOnlyMemory<byte> after, TimeSpan? timeout, CancellationToken cancellationToken) =>
        ScanPageAsync(keyspace, prefix, limit, null, after, timeout, cancellationToken);

    private async Task<ScanPage> ScanPageAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ScanToken? token, ReadOnlyMemory<byte>? after, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (limit is < 1 or > IMultiDcClient.MaxScanPageEntries)
        {
            return Refused(new(RejectionReason.InvalidArgument, $"a page of {limit} entries; 1 to {IMultiDcClient.MaxScanPageEntries} are allowed"));
        }

        var deadline = new Deadline(time, timeout ?? options.DefaultTimeout);
        return await OfKeyspaceAsync(
            keyspace,
            deadline,
            descriptor => ReadPageAsync(descriptor, prefix, limit, token, after, deadline, cancellationToken),
            static problem => Refused(new(problem.Reason, problem.Detail)),
            static page => page.Rejection is { Reason: RejectionReason.UnknownKeyspace },
            cancellationToken).ConfigureAwait(false);
    }

    private async Task<ScanPage> ReadPageAsync(
        KeyspaceDescriptor descriptor, ReadOnlyMemory<byte> prefix, int limit, ScanToken? token, ReadOnlyMemory<byte>? after, Deadline deadline, CancellationToken cancellationToken)
    {
        if (DescribeProblem(token, descriptor, prefix) is { } wrong)
        {
            return Refused(new(RejectionReason.InvalidArgument, wrong));
        }

        // One more than asked for tells whether there is more.
        var entries = new List<KeyValueEntry>();
        try
        {
            var found = EntriesAsync(descriptor, prefix, after, Math.Min(limit + 1, ScanPageEntries), () => deadline.Remaining, cancellationToken);
            await foreach (var entry in found.ConfigureAwait(false))
            {
                if (entries.Count == limit)
                {
                    return new(entries, ScanToken.Of(descriptor.Group, prefix, entries[^1].Key));
                }

                entries.Add(entry);
            }
        }
        catch (MultiDcUnavailableException exception)
        {
            return Refused(new(exception.Reason, exception.Message));
        }

        return new(entries, null);
    }

    private static string? DescribeProblem(ScanToken? token, KeyspaceDescriptor descriptor, ReadOnlyMemory<byte> prefix) => token is null ? null
        : token.Group == descriptor.Group ? token.Prefix.Span.SequenceEqual(prefix.Span) ? null : "the token is of a scan of another prefix"
        : Names.KeyspaceOf(token.Group) == descriptor.Name ? $"the token is of a keyspace '{descriptor.Name}' that was dropped; the one of that name now is another"
        : $"the token is of keyspace '{Names.KeyspaceOf(token.Group)}', the scan of '{descriptor.Name}'";

    private static ScanPage Refused(ReadRejected rejection) => new([], null, rejection);

    // All entries in key order.
    private async IAsyncEnumerable<KeyValueEntry> EntriesAsync(
        KeyspaceDescriptor descriptor, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte>? after, int atOnce, Func<TimeSpan> patience, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (descriptor.Partitioning == Partitioning.Range)
        {
            for (var number = 0; number < descriptor.ShardCount; number++)
            {
                if (descriptor.RangeOf(number) is var range && range.MayContainPrefix(prefix.Span) && !IsPassed(range))
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

        bool IsPassed(KeyRange range) => after is { } last && range.Before is { } before && last.Span.SequenceCompareTo(before.Span) >= 0;

        async Task<ShardScan> FirstPageAsync(int number)
        {
            var scan = new ShardScan(descriptor.ShardAt(number), after, async (id, behind) =>
            {
                var left = patience();
                var read = session?.Begin(id);
                var reply = await router.ScanAsync(id, descriptor.FullPlaces, new(prefix, behind, atOnce, left), left, cancellationToken).ConfigureAwait(false);
                read?.Note(reply.Revision);
                return reply.Rejection is { } rejection ? throw new MultiDcUnavailableException(rejection.Reason, $"shard {id}: {rejection.Detail}") : reply;
            });
            await scan.MoveNextAsync(cancellationToken).ConfigureAwait(false);
            return scan;
        }
    }
}
