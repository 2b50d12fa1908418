using System.CommandLine;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;
using MultiDc.Benchmarks.Workloads;

namespace MultiDc.Benchmarks.Commands;

/// <summary><c>append</c></summary>
internal static class AppendCommand
{
    private const string Raw = "raw file";

    public static Command Create()
    {
        var shards = new Option<int[]>("--shards") { Description = "How many shards, with one appender each.", DefaultValueFactory = static _ => [1, 16, 64, 256], AllowMultipleArgumentsPerToken = true };
        var payloadBytes = new Option<int>("--payload-bytes") { Description = "Bytes of one entry's payload.", DefaultValueFactory = static _ => 256 };
        return new MeasuringOptions().Measuring(
            new("append", "Durable appends: appender i writes to shard i and waits for its own acknowledgement.") { shards, payloadBytes },
            (parsed, measurement) => MeasureAsync(measurement, parsed.GetValue(shards)!, parsed.GetValue(payloadBytes)));
    }

    public static async Task<bool> MeasureAsync(Measurement measurement, int[] shardCounts, int payloadBytes)
    {
        var payload = Bytes.Payload(payloadBytes);
        var targets = measurement.Stores
            .Select(store => (store.Name, OpenAsync: (Func<StorePlace, int, Task<IAppendTarget>>)(async (place, count) =>
                await StoreShards.OpenAsync(await store.OpenAsync(place), measurement.NewRun(), count, payload))))
            .Prepend((Raw, (place, _) => Task.FromResult<IAppendTarget>(PreallocatedFile.Create(place.Folder, payload))))
            .ToArray();
        var results = new Dictionary<(int Shards, string Target), List<AppendResult>>();

        // The round before the first is short and not counted: the code is compiled in it.
        for (var round = 0; round <= measurement.Rounds; round++)
        {
            var duration = round == 0 ? measurement.Duration / 4 : measurement.Duration;
            foreach (var shards in shardCounts)
            {
                foreach (var (name, openAsync) in round % 2 == 0 ? targets : targets.Reverse())
                {
                    var place = measurement.NewPlace();
                    var target = await openAsync(place, shards);
                    var result = await AppendWorkload.MeasureAsync(target, measurement.Root, shards, payloadBytes, duration, target.AppendAsync);
                    Measurement.Remove(place);
                    if (round > 0)
                    {
                        (results.TryGetValue((shards, name), out var list) ? list : results[(shards, name)] = []).Add(result);
                    }
                }
            }
        }

        foreach (var shards in shardCounts)
        {
            foreach (var (name, _) in targets)
            {
                Tell(measurement.Report, shards, name, results[(shards, name)], results[(shards, Raw)]);
            }
        }

        return true;
    }

    private static void Tell(Report report, int shards, string name, List<AppendResult> results, List<AppendResult> raw) => report.Add(
        "append",
        ("shards", shards),
        ("target", name),
        ("appendsPerSecond", Spread.Of(results.Select(static r => r.PerSecond))),
        ("ofRawFile", Spread.Of(results.Zip(raw, static (r, limit) => r.PerSecond / limit.PerSecond))),
        ("p50Ms", Median(results, static r => r.P50Ms)),
        ("p99Ms", Median(results, static r => r.P99Ms)),
        ("cpuMicros", Median(results, static r => r.CpuMicros)),
        ("processBytesPerByte", Median(results, static r => r.ProcessBytesPerByte)),
        ("deviceBytesPerByte", Median(results, static r => r.DeviceBytesPerByte)));

    private static double? Median(List<AppendResult> results, Func<AppendResult, double?> figure) =>
        results.Select(figure).OfType<double>().ToArray() is { Length: > 0 } known ? Spread.Of(known).Median : null;
}
