using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;

namespace MultiDc.Benchmarks.Commands;

/// <summary><c>recover</c></summary>
internal static class RecoverCommand
{
    public static Command Create()
    {
        var entries = new Option<int>("--entries") { Description = "How many entries.", DefaultValueFactory = static _ => 1_000_000 };
        var shards = new Option<int>("--shards") { Description = "In how many shards.", DefaultValueFactory = static _ => 64 };
        var payloadBytes = new Option<int>("--payload-bytes") { Description = "Bytes of one entry's payload.", DefaultValueFactory = static _ => 256 };
        return new MeasuringOptions().Measuring(
            new("recover", "A process writes entries and kills itself; new processes open what it left, read every entry of every replica, and tell how long that took.") { entries, shards, payloadBytes },
            (parsed, measurement) => MeasureAsync(measurement, parsed.GetValue(entries), parsed.GetValue(shards), parsed.GetValue(payloadBytes)));
    }

    public static async Task<bool> MeasureAsync(Measurement measurement, int entries, int shards, int payloadBytes)
    {
        foreach (var store in measurement.Stores.Where(static store => store.Keeps != Keeping.InMemory))
        {
            var (place, run) = (measurement.NewPlace(), measurement.NewRun());
            await RunChildAsync(["write", store.Name, place.Folder, place.ConnectionString, run, Text(shards), Text(entries), Text(payloadBytes)]);
            var results = new List<Recovered>();
            for (var round = 0; round < measurement.Rounds; round++)
            {
                var opened = place;
                if (store.Keeps == Keeping.InFolder)
                {
                    // Opening changes what a kill left: every round has a copy of it, and reads it from the disk.
                    opened = measurement.NewPlace();
                    Copy(place.Folder, opened.Folder);
                    PageCache.Drop(opened.Folder);
                }

                var told = await RunChildAsync(["open", store.Name, opened.Folder, opened.ConnectionString, run, Text(shards), Text(entries), Text(payloadBytes)]);
                results.Add(JsonSerializer.Deserialize<Recovered>(told) ?? throw new InvalidOperationException("the process that recovered said nothing"));
                if (opened != place)
                {
                    Measurement.Remove(opened);
                }
            }

            measurement.Report.Add(
                "recover",
                ("target", store.Name),
                ("entries", entries),
                ("openSeconds", Spread.Of(results.Select(static r => r.OpenSeconds))),
                ("openAndReadSeconds", Spread.Of(results.Select(static r => r.TotalSeconds))),
                ("peakMiB", Spread.Of(results.Select(static r => r.PeakMiB)).Median));
            Measurement.Remove(place);
        }

        return true;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task<string> RunChildAsync(string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet") { RedirectStandardOutput = true };
        foreach (var argument in new[] { "exec", typeof(RecoverCommand).Assembly.Location, RecoverChildCommand.Name }.Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        using var child = Process.Start(start)!;
        var output = await child.StandardOutput.ReadToEndAsync();
        await child.WaitForExitAsync();
        return output.Contains(RecoverChildCommand.Done, StringComparison.Ordinal)
            ? output[..output.IndexOf(RecoverChildCommand.Done, StringComparison.Ordinal)]
            : throw new InvalidOperationException($"the process that was to {arguments[0]} ended with {child.ExitCode}: {output}");
    }

    private static void Copy(string folder, string copy)
    {
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }
    }
}

/// <summary>What a process that recovered tells.</summary>
internal sealed record Recovered(double OpenSeconds, double TotalSeconds, double PeakMiB);
