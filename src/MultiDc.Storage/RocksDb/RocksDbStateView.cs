using System.Runtime.CompilerServices;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// A replica's rows at one RocksDB snapshot. Scans read a page at a time and hold nothing native in between, so that a reader may
/// stop anywhere, and the store may close under it. Rows that could not be written for want of space (<paramref name="waiting"/>, by key) go
/// before those of the snapshot.
/// </summary>
internal sealed class RocksDbStateView(
    ReplicaSlot slot,
    uint generation,
    LogIndex applied,
    StoreDatabase database,
    Snapshot snapshot,
    KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] waiting) : IReplicaStateView
{
    private const int PageRows = 256;
    private const int PageBytes = 256 * 1024;

    private readonly ReadOptions readOptions = new ReadOptions().SetSnapshot(snapshot);
    private bool disposed;

    public LogIndex Applied { get; } = applied;

    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (readOptions)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            var at = FirstWaiting(key);
            if (at < waiting.Length && waiting[at].Key.Span.SequenceEqual(key.Span))
            {
                return ValueTask.FromResult(waiting[at].Value);
            }

            var value = HardRecords.Get(
                database, database.State, StoreKeys.Row(slot.Number, generation, key.Span), slot.Name, readOptions);
            return ValueTask.FromResult(value is null ? (ReadOnlyMemory<byte>?)null : value);
        }
    }

    public async IAsyncEnumerable<StateRow> ScanAsync(
        ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var next = StoreKeys.Row(slot.Number, generation, from.Span);
        var end = to is { } key ? StoreKeys.Row(slot.Number, generation, key.Span) : StoreKeys.AfterRows(slot.Number, generation);
        var at = FirstWaiting(from);
        for (var more = true; more;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = ReadPage(next, end, out more);
            foreach (var row in page)
            {
                for (; at < waiting.Length && waiting[at].Key.Span.SequenceCompareTo(row.Key.Span) < 0; at++)
                {
                    if (waiting[at].Value is { } value)
                    {
                        yield return new StateRow(waiting[at].Key, value);
                    }
                }

                // One of the same key takes its place, before what comes next.
                if (at == waiting.Length || !waiting[at].Key.Span.SequenceEqual(row.Key.Span))
                {
                    yield return row;
                }
            }

            if (more)
            {
                // The smallest key after the last row's.
                next = [.. StoreKeys.Row(slot.Number, generation, page[^1].Key.Span), 0];
                await Task.Yield();
            }
        }

        for (; at < waiting.Length && (to is not { } after || waiting[at].Key.Span.SequenceCompareTo(after.Span) < 0); at++)
        {
            if (waiting[at].Value is { } value)
            {
                yield return new StateRow(waiting[at].Key, value);
            }
        }
    }

    public void Dispose()
    {
        lock (readOptions)
        {
            if (!disposed)
            {
                disposed = true;
                database.Release(snapshot);
            }
        }
    }

    /// <summary>Where the waiting rows from the key on begin.</summary>
    private int FirstWaiting(ReadOnlyMemory<byte> key)
    {
        var (first, end) = (0, waiting.Length);
        while (first < end)
        {
            var middle = (first + end) / 2;
            (first, end) = waiting[middle].Key.Span.SequenceCompareTo(key.Span) < 0 ? (middle + 1, end) : (first, middle);
        }

        return first;
    }

    private List<StateRow> ReadPage(byte[] from, byte[] to, out bool more)
    {
        var page = new List<StateRow>();
        var bytes = 0;
        var full = false;
        lock (readOptions)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            try
            {
                database.Read(database.State, from, to, snapshot, (key, value) =>
                {
                    page.Add(new StateRow(key.AsMemory(StoreKeys.StatePrefixBytes), value));
                    bytes += key.Length + value.Length;
                    full = page.Count >= PageRows || bytes >= PageBytes;
                    return !full;
                });
            }
            catch (RocksDbException exception)
            {
                throw HardRecords.Corrupted(database.State, from, slot.Name, exception.Message, exception);
            }
        }

        more = full;
        return page;
    }
}
