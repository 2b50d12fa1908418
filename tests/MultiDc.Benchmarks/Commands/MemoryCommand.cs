using System.CommandLine;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;
using MultiDc.Benchmarks.Workloads;

namespace MultiDc.Benchmarks.Commands;

/// <summary><c>memory</c></summary>
internal static class MemoryCommand
{
    private const int Shards = 64;
    private const int Readers = 2;

    public static Command Create()
    {
        var rows = new Option<long>("--rows") { Description = "How many rows.", DefaultValueFactory = static _ => 5_000_000 };
        var valueBytes = new Option<int>("--value-bytes") { Description = "Bytes of one value.", DefaultValueFactory = static _ => 256 };
        var limit = new Option<int>("--limit-mib") { Description = "More resident memory than this at any time is a failure.", DefaultValueFactory = static _ => 600 };
        return new MeasuringOptions().Measuring(
            new("memory", $"Loads rows into {Shards} shards of a store with a silo's options, reads at random, and tells this process's resident memory.") { rows, valueBytes, limit },
            (parsed, measurement) => MeasureAsync(measurement, parsed.GetValue(rows), parsed.GetValue(valueBytes), parsed.GetValue(limit)));
    }

    public static async Task<bool> MeasureAsync(Measurement measurement, long rows, int valueBytes, int limitMiB)
    {
        foreach (var store in measurement.Stores)
        {
            var place = measurement.NewPlace();
            await using (var shards = await StoreShards.OpenAsync(await store.OpenAsync(place), measurement.NewRun(), Shards, Bytes.Payload(64)))
            {
                Tell(measurement.Report, store.Name, "opened", null);
                await StateWorkload.LoadAsync(shards, rows, valueBytes);
                Tell(measurement.Report, store.Name, "loaded", null);
                for (var round = 0; round < measurement.Rounds; round++)
                {
                    Tell(measurement.Report, store.Name, "reading", await StateWorkload.GetAsync(shards, rows, valueBytes, Readers, measurement.Duration));
                }
            }

            Measurement.Remove(place);
        }

        return ProcessMemory.Now().PeakMiB <= limitMiB;
    }

    private static void Tell(Report report, string name, string phase, double? getsPerSecond)
    {
        var memory = ProcessMemory.Now();
        report.Add(
            "memory",
            ("target", name),
            ("phase", phase),
            ("getsPerSecond", getsPerSecond),
            ("residentMiB", memory.ResidentMiB),
            ("anonymousMiB", memory.AnonymousMiB),
            ("peakMiB", memory.PeakMiB),
            ("managedHeapMiB", GC.GetTotalMemory(forceFullCollection: false) / 1048576.0));
    }
}
