using System.Diagnostics;
using MultiDc.Benchmarks.Measuring;
using MultiDc.Benchmarks.Stores;

namespace MultiDc.Benchmarks.Workloads;

/// <summary>How a run of appends went.</summary>
internal sealed record AppendResult(double PerSecond, double P50Ms, double P99Ms, double CpuMicros, double? ProcessBytesPerByte, double? DeviceBytesPerByte);

/// <summary>Appender i writes to shard i and waits for its own acknowledgement before its next append.</summary>
internal static class AppendWorkload
{
    /// <summary>
    /// Measures for a while, then closes the target, which bytes are counted up to. What belongs to the work and is done once at its end
    /// is in the measured time.
    /// </summary>
    public static async Task<AppendResult> MeasureAsync(
        IAppendTarget target, string folder, int appenders, int payloadBytes, TimeSpan duration, Func<int, ValueTask> appendAsync, Func<Task>? finishAsync = null)
    {
        var before = WrittenBytes.Now(folder);
        var cpuBefore = Environment.CpuUsage.TotalTime;
        var stop = false;
        var startedAt = Stopwatch.GetTimestamp();
        var running = Enumerable.Range(0, appenders).Select(appender => Task.Run(async () =>
        {
            var latencies = new Latencies();
            while (!Volatile.Read(ref stop))
            {
                var begun = Stopwatch.GetTimestamp();
                await appendAsync(appender);
                latencies.Add(begun);
            }

            return latencies;
        })).ToArray();

        // A failed appender ends the measurement at once.
        await Task.WhenAny(Task.Delay(duration), Task.WhenAny(running).Unwrap());
        Volatile.Write(ref stop, true);
        var all = new Latencies();
        foreach (var latencies in await Task.WhenAll(running))
        {
            all.Add(latencies);
        }

        await (finishAsync?.Invoke() ?? Task.CompletedTask);
        var seconds = Stopwatch.GetElapsedTime(startedAt).TotalSeconds;
        var cpu = Environment.CpuUsage.TotalTime - cpuBefore;
        await target.DisposeAsync();
        var written = WrittenBytes.Now(folder) - before;
        var payload = (double)all.Count * payloadBytes;
        return new(all.Count / seconds, all.PercentileMs(50), all.PercentileMs(99), cpu.TotalMicroseconds / all.Count, written.Process / payload, written.Device / payload);
    }
}
