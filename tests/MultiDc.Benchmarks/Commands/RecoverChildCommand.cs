using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;
using MultiDc.Benchmarks.Workloads;

namespace MultiDc.Benchmarks.Commands;

/// <summary>The other processes of <see cref="RecoverCommand"/>.</summary>
internal static class RecoverChildCommand
{
    public const string Name = "recover-child";
    public const string Done = "DONE";
    private const int EntriesPerWrite = 64;

    public static Command Create()
    {
        var arguments = new Argument<string[]>("ARGUMENTS");
        var command = new Command(Name) { arguments };
        command.Hidden = true;
        command.SetAction((parsed, _) => RunAsync(parsed.GetValue(arguments)!));
        return command;
    }

    private static async Task<int> RunAsync(string[] arguments)
    {
        var store = BenchmarkStore.All.First(store => store.Name == arguments[1]);
        var place = new StorePlace(arguments[2], arguments[3]);
        var (run, shards, entries, payload) = (arguments[4], Number(arguments[5]), Number(arguments[6]), Bytes.Payload(Number(arguments[7])));
        if (arguments[0] == "open")
        {
            await OpenAsync(store, place, run, shards, entries, payload);
            return 0;
        }

        var target = await StoreShards.OpenAsync(await store.OpenAsync(place), run, shards, payload);
        await Task.WhenAll(Enumerable.Range(0, shards).Select(shard => Task.Run(async () =>
        {
            for (var left = EntriesOf(shard, shards, entries); left > 0; left -= EntriesPerWrite)
            {
                await target.AppendAsync(shard, Math.Min(left, EntriesPerWrite));
            }
        })));
        Console.WriteLine(Done);
        await Console.Out.FlushAsync();

        // The end of a silo that lost its power: nothing is closed, nothing flushed.
        Process.GetCurrentProcess().Kill();
        return 1;
    }

    private static async Task OpenAsync(BenchmarkStore store, StorePlace place, string run, int shards, int entries, byte[] payload)
    {
        var startedAt = Stopwatch.GetTimestamp();
        var opened = await store.OpenAsync(place);
        var openSeconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        var replicas = await StoreShards.OpenAsync(opened, run, shards, payload);
        var totalSeconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        for (var shard = 0; shard < shards; shard++)
        {
            if (replicas.RecoveredEntriesOf(shard) is var found && found != EntriesOf(shard, shards, entries))
            {
                throw new InvalidOperationException($"shard {shard} has {found} entries after the kill");
            }
        }

        Console.WriteLine(JsonSerializer.Serialize(new Recovered(openSeconds, totalSeconds, ProcessMemory.Now().PeakMiB)));
        Console.WriteLine(Done);
        await replicas.DisposeAsync();
    }

    private static int EntriesOf(int shard, int shards, int entries) => (entries / shards) + (shard < entries % shards ? 1 : 0);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
