using System.Globalization;
using System.Text;
using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

/// <summary>
/// Appends, applies, flushes, compacts and installs snapshots on several replicas for ever, and prints "replica index" for every write
/// that was acknowledged, until it is killed. What it writes at an index follows from the index, so that a reader can check it.
/// </summary>
internal static class KillWriter
{
    public const int Replicas = 12;
    private const ulong Keys = 10;

    public static ReplicaName Name(int replica) => new($"killed/{replica}@east");

    public static string Payload(int replica, ulong index) => $"replica {replica}, entry {index}, {new string('x', (int)(index % 200))}";

    /// <summary>The rows after applying everything up to an index: each key has the last index that fell on it.</summary>
    public static IEnumerable<(string Key, string Value)> RowsAt(ulong applied)
    {
        for (var key = 0UL; key < Keys; key++)
        {
            var last = applied < key ? 0 : applied - ((applied - key) % Keys);
            if (last > 0)
            {
                yield return ($"{key}", $"{last}");
            }
        }
    }

    public static async Task<int> RunAsync(string folder)
    {
        // A line for whoever wants to kill it while it opens.
        Console.Out.Write("opening\n");
        Console.Out.Flush();

        // One process in two hands rows over between flushes as well: a table of all keys is far from full.
        var options = RocksDbTestStore.Options(folder);
        await using var store = await RocksDbReplicaStore.OpenAsync(Environment.ProcessId % 2 == 0
            ? options
            : options with { MaxAppliedBytes = 400, WriteBufferBytes = 1024 * 1024 });
        await Task.WhenAll(Enumerable.Range(0, Replicas).Select(replica => Task.Run(() => WriteAsync(store, replica))));
        return 0;
    }

    private static async Task WriteAsync(RocksDbReplicaStore store, int replica)
    {
        var storage = await store.OpenReplicaAsync(Name(replica));
        var recovered = storage.Recovered;
        var last = Math.Max(recovered.Snapshot.LastIncluded.Index.Value, recovered.Entries.Count == 0 ? 0 : recovered.Entries[^1].Index.Value);
        var random = new Random(replica);
        while (true)
        {
            last = random.Next(40) == 0
                ? await InstallAsync(storage, last + (ulong)random.Next(1, 50))
                : await AppendAsync(storage, replica, last, random.Next(1, 6));
            Acknowledge(replica, last);
            if (random.Next(4) == 0)
            {
                await ApplyAsync(storage, last);
            }

            if (random.Next(20) == 0)
            {
                await storage.State.FlushAsync();
            }

            var durable = storage.State.DurableApplied;
            if (random.Next(20) == 0 && durable.Value > 0)
            {
                await storage.CompactToAsync(new SnapshotMetadata(new EntryId(new Term(1), durable), RocksDbTestStore.Founding.Configuration));
            }
        }
    }

    private static async Task<ulong> AppendAsync(IReplicaStorage storage, int replica, ulong last, int count)
    {
        LogEntry[] entries = [.. Enumerable.Range(1, count).Select(i => RocksDbTestStore.Entry(last + (ulong)i, Payload(replica, last + (ulong)i)))];
        await storage.WriteAsync(new ReplicaWrite { Entries = entries, HardState = new HardState(new Term(1), new ReplicaId(1), new LogIndex(last)) });
        return last + (ulong)count;
    }

    private static async Task<ulong> InstallAsync(IReplicaStorage storage, ulong index)
    {
        var staged = await storage.State.StageAsync(
            new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(index)), RocksDbTestStore.Founding.Configuration));
        foreach (var (key, value) in RowsAt(index))
        {
            await staged.AddAsync([new StateRow(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value))]);
        }

        await storage.WriteAsync(new ReplicaWrite { Install = staged });
        return index;
    }

    private static async Task ApplyAsync(IReplicaStorage storage, ulong last)
    {
        for (var index = storage.State.Applied.Value + 1; index <= last; index++)
        {
            await storage.State.ApplyAsync(RocksDbTestStore.Put($"{index % Keys}", $"{index}"), new LogIndex(index));
        }
    }

    private static void Acknowledge(int replica, ulong index)
    {
        // One write call a line, past every buffer: what was printed was acknowledged before.
        lock (Console.Out)
        {
            Console.Out.Write(string.Create(CultureInfo.InvariantCulture, $"{replica} {index}\n"));
            Console.Out.Flush();
        }
    }
}
