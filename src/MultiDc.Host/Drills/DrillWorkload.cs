using MultiDc.Client;
using MultiDc.Host.Histories;

namespace MultiDc.Host.Drills;

/// <summary>What the clients of one datacenter do during a drill: read and write the keys that all datacenters read and write.</summary>
/// <param name="recorder">Writes down what happens.</param>
/// <param name="client">The way to MultiDc.</param>
/// <param name="datacenter">Where the clients are.</param>
/// <param name="prefix">What the keys begin with: another in each drill, since the checker takes every key for absent at first.</param>
/// <param name="workers">Readers, and as many writers.</param>
/// <param name="time">Pauses.</param>
/// <param name="seed">Where the workers' choices come from.</param>
internal sealed class DrillWorkload(HistoryRecorder recorder, IMultiDcClient client, string datacenter, string prefix, int workers, TimeProvider time, ulong seed)
{
    public const string Keyspace = "default";

    /// <summary>The patience of one operation.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private const int HotKeys = 24;
    private const int ColdKeys = 400;
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan StaleTimeout = TimeSpan.FromSeconds(1);

    // Every key that may have been written.
    private IEnumerable<string> Keys => Enumerable.Range(0, HotKeys).Select(HotKey).Concat(Enumerable.Range(0, ColdKeys).Select(ColdKey));

    /// <summary>Until stopped; an operation that was begun is ended.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(
        Enumerable.Range(0, 2 * workers).Select(worker => Task.Run(() => WorkAsync(worker, new Raft.SeededRandomSource((seed * 1_000) + (ulong)worker), stop), CancellationToken.None)));

    /// <summary>
    /// Until stopped, reads what the own datacenter has, however old. Not in the history, which is judged as a whole: these are not linearizable, nor meant to be.
    /// </summary>
    public async Task ReadStaleAsync(StaleReads served, CancellationToken stop)
    {
        var random = new Raft.SeededRandomSource((seed * 1_000) + 999);
        while (!stop.IsCancellationRequested)
        {
            if (await client.GetAsync(Keyspace, HotKey(random.Next(0, HotKeys)), ReadLevel.Local, StaleTimeout, CancellationToken.None) is ReadServed read)
            {
                served.Add(recorder.Now, read.Datacenter.Value == datacenter);
            }

            await Task.Delay(LongestPause * (random.Next(0, 1_000) / 1_000.0), time, CancellationToken.None);
        }
    }

    /// <summary>Reads every key, each until it is served.</summary>
    public async Task ReadAllAsync(CancellationToken stop) => await Parallel.ForEachAsync(Keys, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = stop }, async (key, _) =>
    {
        var number = recorder.NewClient();
        while (await recorder.GetAsync(client, number, key, Timeout, CancellationToken.None) is not ReadServed)
        {
            stop.ThrowIfCancellationRequested();
        }
    });

    private string HotKey(int i) => $"{prefix}/hot-{i:00}";

    private string ColdKey(int i) => $"{prefix}/cold-{i:000}";

    private async Task WorkAsync(int worker, Raft.IRandomSource random, CancellationToken stop)
    {
        var number = recorder.NewClient();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var key = random.Next(0, 3) < 2 ? HotKey(random.Next(0, HotKeys)) : ColdKey(random.Next(0, ColdKeys));
            if (worker % 2 == 0)
            {
                await recorder.GetAsync(client, number, key, Timeout, CancellationToken.None);
            }
            else if (await WriteAsync(number, key, $"{datacenter}-{number}-{i}", random) is Unknown)
            {
                // It may still be under way; what follows is another sequence of operations.
                number = recorder.NewClient();
            }

            await Task.Delay(LongestPause * (random.Next(0, 1_000) / 1_000.0), time, CancellationToken.None);
        }
    }

    private async Task<WriteResult> WriteAsync(int number, string key, string value, Raft.IRandomSource random)
    {
        switch (random.Next(0, 10))
        {
            case 0:
                return await recorder.DeleteAsync(client, number, key, Timeout);
            case <= 3 when await recorder.GetAsync(client, number, key, Timeout, CancellationToken.None) is ReadServed read:
                return await recorder.CompareAndSetAsync(client, number, key, read.Entry?.ValueText(), value, Timeout);
            default:
                return await recorder.PutAsync(client, number, key, value, Timeout);
        }
    }
}
