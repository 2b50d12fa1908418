using MultiDc.Grains;

namespace MultiDc.Client;

/// <summary>Walks the entries of one shard page by page, from behind a key or from the first on.</summary>
internal sealed class ShardScan(ShardId shard, ReadOnlyMemory<byte>? after, Func<ShardId, ReadOnlyMemory<byte>?, Task<ScanReply>> readPage)
{
    private ScanReply? page;
    private int position;

    public bool HasCurrent => page is not null && position < page.Entries.Count;

    public KeyValueEntry Current => page!.Entries[position];

    public async Task<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        position++;
        if (page is null || (position >= page.Entries.Count && page.HasMore))
        {
            page = await readPage(shard, page is null ? after : page.Entries[^1].Key).ConfigureAwait(false);
            position = 0;
        }

        return HasCurrent;
    }
}

/// <summary>Orders keys by their bytes.</summary>
internal sealed class KeyOrder : IComparer<ReadOnlyMemory<byte>>
{
    public static readonly KeyOrder Instance = new();

    public int Compare(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceCompareTo(y.Span);
}
