using MultiDc.Client;
using MultiDc.Host.Histories;

namespace MultiDc.Host.Demo;

/// <summary>
/// Increments one counter by compare-and-set, in competition with the other datacenters. The value is the total and every datacenter's
/// share, <c>7 dc1=3 dc2=4</c>, so that after an unknown outcome a worker can see in the value itself whether its increment happened.
/// </summary>
internal sealed class CounterWorker(HistoryRecorder recorder, IMultiDcClient client, string datacenter, string key)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);
    private int number = recorder.NewClient();

    /// <summary>How many of its increments are known to have happened.</summary>
    public int Done { get; private set; }

    public async Task RunAsync(int increments, CancellationToken stop)
    {
        while (Done < increments && !stop.IsCancellationRequested)
        {
            if (await recorder.GetAsync(client, number, key, Timeout, CancellationToken.None) is not ReadServed read)
            {
                continue;
            }

            var present = read.Entry?.ValueText();
            var shares = Parse(present);
            if (shares.GetValueOrDefault(datacenter) > Done)
            {
                // The increment whose outcome was unknown did happen.
                Done++;
                continue;
            }

            shares[datacenter] = Done + 1;
            var outcome = await recorder.CompareAndSetAsync(client, number, key, present, Format(shares), Timeout);
            if (outcome is Applied)
            {
                Done++;
            }
            else if (outcome is Unknown)
            {
                // It may still be under way, so this sequence of operations has ended; the next read begins another.
                number = recorder.NewClient();
            }
        }
    }

    /// <summary>The total that a value tells.</summary>
    public static int TotalOf(string? value) => value is null ? 0 : int.Parse(value.AsSpan(0, value.IndexOf(' ')));

    private static SortedDictionary<string, int> Parse(string? value)
    {
        var shares = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var share in value?.Split(' ').Skip(1) ?? [])
        {
            var parts = share.Split('=');
            shares[parts[0]] = int.Parse(parts[1]);
        }

        return shares;
    }

    private static string Format(SortedDictionary<string, int> shares) =>
        $"{shares.Values.Sum()} {string.Join(' ', shares.Select(static s => $"{s.Key}={s.Value}"))}";
}
