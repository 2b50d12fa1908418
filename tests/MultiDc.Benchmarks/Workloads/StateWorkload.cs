using System.Diagnostics;
using MultiDc.Benchmarks.Stores;

namespace MultiDc.Benchmarks.Workloads;

/// <summary>Fills the rows of shards and reads them. Row r lies in shard r modulo their number.</summary>
internal static class StateWorkload
{
    private const int RowsPerEntry = 200;
    private const int ScanRows = 100;

    /// <summary>Applies all rows, one entry per 200 of them, every shard by itself; flushed and compacted as it goes and in the end.</summary>
    public static async Task LoadAsync(StoreShards shards, long rows, int valueBytes)
    {
        await Task.WhenAll(Enumerable.Range(0, shards.Count).Select(shard => Task.Run(async () =>
        {
            var batch = new StateBatch();
            var entries = 0;
            for (var row = (long)shard; row < rows; row += shards.Count)
            {
                batch.Changes.Add((Bytes.Key(row), Bytes.Value(row, valueBytes)));
                if (batch.Changes.Count == RowsPerEntry || row + shards.Count >= rows)
                {
                    await shards.AppendAsync(shard);
                    await shards.ApplyAsync(shard, batch);
                    batch = new();
                    if (++entries % 256 == 0)
                    {
                        await shards.FlushAndCompactAsync(shard);
                    }
                }
            }

            await shards.FlushAndCompactAsync(shard);
        })));
    }

    /// <summary>Random gets by several readers; returns gets per second.</summary>
    public static Task<double> GetAsync(StoreShards shards, long rows, int valueBytes, int readers, TimeSpan duration) =>
        RepeatAsync(readers, duration, async random =>
        {
            var row = random.NextInt64(rows);
            var value = await shards.StateOf((int)(row % shards.Count)).GetAsync(Bytes.Key(row));
            return value is { Length: var length } && length == valueBytes ? 1 : throw new InvalidOperationException($"row {row} is not what was written");
        });

    /// <summary>Seeks to a random row and reads the hundred from it on; returns rows per second.</summary>
    public static Task<double> SeekAsync(StoreShards shards, long rows, int readers, TimeSpan duration) =>
        RepeatAsync(readers, duration, async random =>
        {
            var row = random.NextInt64(rows);
            using var view = shards.StateOf((int)(row % shards.Count)).OpenView();
            var read = 0;
            await foreach (var _ in view.ScanAsync(Bytes.Key(row), null))
            {
                if (++read == ScanRows)
                {
                    break;
                }
            }

            return read;
        });

    /// <summary>Reads whole shards; returns rows per second.</summary>
    public static Task<double> ScanAsync(StoreShards shards, int readers, TimeSpan duration) =>
        RepeatAsync(readers, duration, async random =>
        {
            using var view = shards.StateOf(random.Next(shards.Count)).OpenView();
            var read = 0;
            await foreach (var _ in view.ScanAsync(default, null))
            {
                read++;
            }

            return read;
        });

    private static async Task<double> RepeatAsync(int readers, TimeSpan duration, Func<Random, Task<int>> operation)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, readers).Select(reader => Task.Run(async () =>
        {
            var random = new Random(reader);
            var count = 0L;
            while (Stopwatch.GetElapsedTime(startedAt) < duration)
            {
                count += await operation(random);
            }

            return count;
        })));
        return counts.Sum() / Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
    }
}
