using System.CommandLine;
using System.Diagnostics;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;
using MultiDc.Benchmarks.Workloads;

namespace MultiDc.Benchmarks.Commands;

/// <summary><c>state</c></summary>
internal static class StateCommand
{
    private const int Shards = 64;

    public static Command Create()
    {
        var rows = new Option<long>("--rows") { Description = "How many rows.", DefaultValueFactory = static _ => 1_000_000 };
        var valueBytes = new Option<int>("--value-bytes") { Description = "Bytes of one value.", DefaultValueFactory = static _ => 256 };
        return new MeasuringOptions().Measuring(
            new("state", $"Loads rows into {Shards} shards once, then measures gets, seeks and scans of them in rounds.") { rows, valueBytes },
            (parsed, measurement) => MeasureAsync(measurement, parsed.GetValue(rows), parsed.GetValue(valueBytes)));
    }

    public static async Task<bool> MeasureAsync(Measurement measurement, long rows, int valueBytes)
    {
        foreach (var store in measurement.Stores)
        {
            var place = measurement.NewPlace();
            await using (var shards = await StoreShards.OpenAsync(await store.OpenAsync(place), measurement.NewRun(), Shards, Bytes.Payload(64)))
            {
                var startedAt = Stopwatch.GetTimestamp();
                await StateWorkload.LoadAsync(shards, rows, valueBytes);
                var loadedPerSecond = rows / Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
                await TellReadsAsync(measurement, store.Name, shards, rows, valueBytes, loadedPerSecond);
            }

            Measurement.Remove(place);
        }

        return true;
    }

    private static async Task TellReadsAsync(Measurement measurement, string name, StoreShards shards, long rows, int valueBytes, double loadedPerSecond)
    {
        foreach (var readers in new[] { 1, 2 })
        {
            var (gets, seeks, scans) = (new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round < measurement.Rounds; round++)
            {
                gets.Add(await StateWorkload.GetAsync(shards, rows, valueBytes, readers, measurement.Duration));
                seeks.Add(await StateWorkload.SeekAsync(shards, rows, readers, measurement.Duration));
                scans.Add(await StateWorkload.ScanAsync(shards, readers, measurement.Duration));
            }

            measurement.Report.Add(
                "state",
                ("target", name),
                ("rows", rows),
                ("readers", readers),
                ("loadedPerSecond", loadedPerSecond),
                ("getsPerSecond", Spread.Of(gets)),
                ("seekRowsPerSecond", Spread.Of(seeks)),
                ("scanRowsPerSecond", Spread.Of(scans)));
        }
    }
}
