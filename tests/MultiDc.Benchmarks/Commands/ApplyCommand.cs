using System.CommandLine;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;
using MultiDc.Benchmarks.Workloads;

namespace MultiDc.Benchmarks.Commands;

/// <summary><c>apply</c></summary>
internal static class ApplyCommand
{
    private const int CompactEvery = 4096;
    private const long Keys = 1_000_000;

    public static Command Create()
    {
        var shards = new Option<int[]>("--shards") { Description = "How many shards, with one appender each.", DefaultValueFactory = static _ => [64], AllowMultipleArgumentsPerToken = true };
        var payloadBytes = new Option<int>("--payload-bytes") { Description = "Bytes of one entry's payload, and of the row it writes.", DefaultValueFactory = static _ => 256 };
        return new MeasuringOptions().Measuring(
            new("apply", "Append durably, then apply one row of a random key; the log is compacted behind, and everything is flushed in the end.") { shards, payloadBytes },
            (parsed, measurement) => MeasureAsync(measurement, parsed.GetValue(shards)!, parsed.GetValue(payloadBytes)));
    }

    public static async Task<bool> MeasureAsync(Measurement measurement, int[] shardCounts, int payloadBytes)
    {
        var payload = Bytes.Payload(payloadBytes);
        foreach (var shards in shardCounts)
        {
            var results = measurement.Stores.ToDictionary(static store => store.Name, static _ => new List<AppendResult>());
            for (var round = 0; round <= measurement.Rounds; round++)
            {
                foreach (var store in measurement.Stores)
                {
                    var duration = round == 0 ? measurement.Duration / 4 : measurement.Duration;
                    var result = await MeasureAsync(measurement, store, shards, payload, duration);
                    if (round > 0)
                    {
                        results[store.Name].Add(result);
                    }
                }
            }

            foreach (var (name, list) in results)
            {
                measurement.Report.Add(
                    "apply",
                    ("shards", shards),
                    ("target", name),
                    ("opsPerSecond", Spread.Of(list.Select(static r => r.PerSecond))),
                    ("p50Ms", Spread.Of(list.Select(static r => r.P50Ms)).Median),
                    ("p99Ms", Spread.Of(list.Select(static r => r.P99Ms)).Median),
                    ("cpuMicros", Spread.Of(list.Select(static r => r.CpuMicros)).Median),
                    ("processBytesPerByte", list[0].ProcessBytesPerByte is null ? null : Spread.Of(list.Select(static r => r.ProcessBytesPerByte!.Value)).Median),
                    ("deviceBytesPerByte", list[0].DeviceBytesPerByte is null ? null : Spread.Of(list.Select(static r => r.DeviceBytesPerByte!.Value)).Median));
            }
        }

        return true;
    }

    private static async Task<AppendResult> MeasureAsync(Measurement measurement, BenchmarkStore store, int shards, byte[] payload, TimeSpan duration)
    {
        var place = measurement.NewPlace();
        var target = await StoreShards.OpenAsync(await store.OpenAsync(place), measurement.NewRun(), shards, payload);
        var randoms = Enumerable.Range(0, shards).Select(static shard => new Random(shard)).ToArray();
        var counts = new int[shards];
        var result = await AppendWorkload.MeasureAsync(
            target,
            measurement.Root,
            shards,
            payload.Length,
            duration,
            async shard =>
            {
                await target.AppendAsync(shard);
                var batch = new StateBatch();
                batch.Changes.Add((Bytes.Key(randoms[shard].NextInt64(Keys)), payload));
                await target.ApplyAsync(shard, batch);

                // Not all shards at the same moment, as it is with shards that live by themselves.
                if ((++counts[shard] + (shard * CompactEvery / shards)) % CompactEvery == 0)
                {
                    await target.FlushAndCompactAsync(shard);
                }
            },
            async () => await Task.WhenAll(Enumerable.Range(0, shards).Select(target.FlushAndCompactAsync)));
        Measurement.Remove(place);
        return result;
    }
}
