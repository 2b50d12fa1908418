using System.Runtime.CompilerServices;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// A replica's rows at one RocksDB snapshot. Scans read a page at a time and hold nothing native in between, so that a reader may
/// stop anywhere, and the store may close under it.
/// </summary>
internal sealed class RocksDbStateView(
    ReplicaSlot slot, uint generation, LogIndex applied, StoreDatabase database, Snapshot snapshot) : IReplicaStateView
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
        for (var more = true; more;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = ReadPage(next, end, out more);
            foreach (var row in page)
            {
                yield return row;
            }

            if (more)
            {
                // The smallest key after the last row's.
                next = [.. StoreKeys.Row(slot.Number, generation, page[^1].Key.Span), 0];
                await Task.Yield();
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
