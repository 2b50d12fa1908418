using System.Threading.Channels;
using MultiDc.Host.Histories;

namespace MultiDc.Host.Demo;

/// <summary>What the demo's clients do: load the rows, then read and write in every datacenter at once, and count.</summary>
/// <param name="recorder">Writes down what happens.</param>
/// <param name="clients">One client in each datacenter.</param>
/// <param name="readers">Those that the readers use: the same, unless a rule is to be broken.</param>
/// <param name="rows">What to load.</param>
/// <param name="options">How much of everything.</param>
internal sealed class Workload(
    HistoryRecorder recorder, IReadOnlyList<DemoClient> clients, IReadOnlyList<DemoClient> readers, IReadOnlyList<KeyValuePair<string, string>> rows, DemoOptions options)
{
    public const string CounterKey = "demo/counter";
    private const int HotKeys = 24;
    private const int Loaders = 48;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly List<CounterWorker> counters = [.. clients.Select(c => new CounterWorker(recorder, c.Client, c.Datacenter, CounterKey))];

    /// <summary>Increments known to have happened.</summary>
    public int Incremented => counters.Sum(static c => c.Done);

    /// <summary>Every key that was or may have been written.</summary>
    public IEnumerable<string> Keys => rows.Select(static row => row.Key).Concat(Enumerable.Range(0, HotKeys).Select(HotKey)).Append(CounterKey).Distinct();

    /// <summary>Puts every row; each row is acknowledged when this returns.</summary>
    public async Task LoadAsync(Action<int> progress, CancellationToken stop)
    {
        var queue = Channel.CreateUnbounded<KeyValuePair<string, string>>();
        foreach (var row in rows)
        {
            queue.Writer.TryWrite(row);
        }

        queue.Writer.Complete();
        var loaded = 0;
        await Task.WhenAll(Enumerable.Range(0, Loaders).Select(async i =>
        {
            var client = clients[i % clients.Count].Client;
            var number = recorder.NewClient();
            await foreach (var (key, value) in queue.Reader.ReadAllAsync(stop))
            {
                while (await recorder.PutAsync(client, number, key, value, Timeout) is not Applied)
                {
                    stop.ThrowIfCancellationRequested();
                    number = recorder.NewClient();
                }

                progress(Interlocked.Increment(ref loaded));
            }
        }));
    }

    /// <summary>Increments the counter from every datacenter until the target is met.</summary>
    public Task CountAsync(CancellationToken stop) => Task.WhenAll(counters.Select((counter, i) =>
        counter.RunAsync((options.Increments / counters.Count) + (i < options.Increments % counters.Count ? 1 : 0), stop)));

    /// <summary>Reads and writes in every datacenter until stopped.</summary>
    public Task ReadAndWriteAsync(CancellationToken stop) => Task.WhenAll(
        from place in Enumerable.Range(0, clients.Count)
        from worker in Enumerable.Range(0, 2 * options.Workers)
        let writes = worker % 2 == 0
        let client = (writes ? clients : readers)[place]
        select Task.Run(() => WorkAsync(client, writes, new Raft.SeededRandomSource(options.Seed + (ulong)(worker * 31) + (ulong)client.Datacenter[^1]), stop), stop));

    /// <summary>Reads every key once more when all is quiet.</summary>
    public async Task ReadAllAsync(Action<int> progress, CancellationToken stop)
    {
        var queue = Channel.CreateUnbounded<string>();
        foreach (var key in Keys)
        {
            queue.Writer.TryWrite(key);
        }

        queue.Writer.Complete();
        var read = 0;
        await Task.WhenAll(Enumerable.Range(0, Loaders).Select(async i =>
        {
            var client = clients[i % clients.Count].Client;
            var number = recorder.NewClient();
            await foreach (var key in queue.Reader.ReadAllAsync(stop))
            {
                while (await recorder.GetAsync(client, number, key, Timeout, stop) is not ReadServed)
                {
                    stop.ThrowIfCancellationRequested();
                }

                progress(Interlocked.Increment(ref read));
            }
        }));
    }

    private static string HotKey(int i) => $"demo/hot-{i:00}";

    private async Task WorkAsync(DemoClient client, bool writes, Raft.IRandomSource random, CancellationToken stop)
    {
        var number = recorder.NewClient();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            // Two thirds of the traffic meets on a few keys, where a lapse would show.
            var key = random.Next(0, 3) < 2 ? HotKey(random.Next(0, HotKeys)) : rows[random.Next(0, rows.Count)].Key;
            if (!writes)
            {
                await recorder.GetAsync(client.Client, number, key, Timeout, CancellationToken.None);
                continue;
            }

            var value = $"{client.Datacenter}-{number}-{i}";
            var outcome = random.Next(0, 10) switch
            {
                0 => await recorder.DeleteAsync(client.Client, number, key, Timeout),
                <= 3 when await recorder.GetAsync(client.Client, number, key, Timeout, CancellationToken.None) is ReadServed read =>
                    await recorder.CompareAndSetAsync(client.Client, number, key, read.Entry is { } entry ? Client.MultiDcClientTextExtensions.ValueText(entry) : null, value, Timeout),
                _ => await recorder.PutAsync(client.Client, number, key, value, Timeout),
            };
            if (outcome is Unknown)
            {
                number = recorder.NewClient();
            }
        }
    }
}
