using System.Globalization;
using System.Text;
using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

/// <summary>
/// What a process does to a store until it is killed: appends, applies, flushes, compacts and installs snapshots on several replicas, and
/// prints "replica index" for every write that was acknowledged. What it writes at an index follows from the index, so that the survivor
/// can be checked.
/// </summary>
public static class KillWorkload
{
    /// <summary>How many replicas are written.</summary>
    public const int Replicas = 12;

    private const ulong Keys = 10;

    /// <summary>How the replicas are founded.</summary>
    public static ReplicaFounding Founding { get; } = new(new GroupConfiguration([new ReplicaId(1), new ReplicaId(2), new ReplicaId(3)]));

    /// <summary>Writes for ever, or until the store fails.</summary>
    public static Task RunAsync(IReplicaStore store, TextWriter output) =>
        Task.WhenAll(Enumerable.Range(0, Replicas).Select(replica => Task.Run(() => WriteAsync(store, replica, output))));

    /// <summary>Notes what a printed line acknowledges. The last line of a killed process may be torn.</summary>
    public static void Note(ulong[] acknowledged, string line)
    {
        if (line.Split(' ') is [var replica, { Length: > 0 } index])
        {
            ref var last = ref acknowledged[int.Parse(replica, CultureInfo.InvariantCulture)];
            last = Math.Max(last, ulong.Parse(index, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Opens every replica and compares it with what was acknowledged; what is wrong, in words.</summary>
    public static async Task<IReadOnlyList<string>> CheckAsync(IReplicaStore store, ulong[] acknowledged)
    {
        var problems = new List<string>();
        for (var replica = 0; replica < Replicas; replica++)
        {
            await using var storage = (await store.OpenAsync(Name(replica), Founding))!;
            var recovered = storage.Recovered;
            var last = recovered.Snapshot.LastIncluded.Index.Value + (ulong)recovered.Entries.Count;
            if (last < acknowledged[replica])
            {
                problems.Add($"replica {replica}: acknowledged {acknowledged[replica]}, found {last}");
            }

            problems.AddRange(
                from entry in recovered.Entries
                where Encoding.UTF8.GetString(entry.Payload.Span) != Payload(replica, entry.Index.Value)
                select $"replica {replica}: the entry at {entry.Index} is another");

            using var view = storage.State.OpenView();
            var rows = new List<(string, string)>();
            await foreach (var row in view.ScanAsync(default, null))
            {
                rows.Add((Encoding.UTF8.GetString(row.Key.Span), Encoding.UTF8.GetString(row.Value.Span)));
            }

            if (!rows.SequenceEqual(RowsAt(recovered.Applied.Value)))
            {
                problems.Add($"replica {replica}: the rows are not those of the applied index {recovered.Applied}");
            }
        }

        return problems;
    }

    /// <summary>The name of a replica that is written.</summary>
    public static ReplicaName Name(int replica) => new($"killed/{replica}@east");

    private static string Payload(int replica, ulong index) => $"replica {replica}, entry {index}, {new string('x', (int)(index % 200))}";

    // The rows after applying everything up to an index: each key has the last index that fell on it.
    private static IEnumerable<(string Key, string Value)> RowsAt(ulong applied)
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

    private static async Task WriteAsync(IReplicaStore store, int replica, TextWriter output)
    {
        var storage = (await store.OpenAsync(Name(replica), Founding))!;
        var recovered = storage.Recovered;
        var last = recovered.Snapshot.LastIncluded.Index.Value + (ulong)recovered.Entries.Count;
        var random = new Random(replica);
        while (true)
        {
            last = random.Next(40) == 0
                ? await InstallAsync(storage, last + (ulong)random.Next(1, 50))
                : await AppendAsync(storage, replica, last, random.Next(1, 6));

            // One write call a line, past every buffer: what was printed was acknowledged before.
            lock (output)
            {
                output.Write(string.Create(CultureInfo.InvariantCulture, $"{replica} {last}\n"));
                output.Flush();
            }

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
                await storage.CompactToAsync(new SnapshotMetadata(new EntryId(new Term(1), durable), Founding.Configuration));
            }
        }
    }

    private static async Task<ulong> AppendAsync(IReplicaStorage storage, int replica, ulong last, int count)
    {
        LogEntry[] entries =
        [
            .. Enumerable.Range(1, count).Select(i => new LogEntry(
                new EntryId(new Term(1), new LogIndex(last + (ulong)i)), EntryKind.Command, Encoding.UTF8.GetBytes(Payload(replica, last + (ulong)i)))),
        ];
        await storage.WriteAsync(new ReplicaWrite { Entries = entries, HardState = new HardState(new Term(1), new ReplicaId(1), new LogIndex(last)) });
        return last + (ulong)count;
    }

    private static async Task<ulong> InstallAsync(IReplicaStorage storage, ulong index)
    {
        var staged = await storage.State.StageAsync(
            new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(index)), Founding.Configuration));
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
            var batch = new StateBatch();
            batch.Changes.Add((Encoding.UTF8.GetBytes($"{index % Keys}"), Encoding.UTF8.GetBytes($"{index}")));
            await storage.State.ApplyAsync(batch, new LogIndex(index));
        }
    }
}
