using System.Diagnostics.Metrics;
using System.Globalization;
using MultiDc.Grains;

namespace MultiDc.Server.Diagnostics;

/// <summary>Counts what this process uses. Flushes are told by the stores' own instruments, so every store that has them is counted.</summary>
internal sealed class ProcessUsage : IDisposable
{
    private static readonly Guid Process = Guid.NewGuid();

    private readonly MeterListener listener = new();
    private long flushes;

    public ProcessUsage()
    {
        listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument is { Meter.Name: "MultiDc", Name: "multidc.store.flush.duration" or "multidc.store.state_flush.duration" })
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref flushes));
        listener.Start();
    }

    public SiloUsage Now(string silo) =>
        new(silo, Process, Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(), ReadDiskBytes(), Interlocked.Read(ref flushes));

    public void Dispose() => listener.Dispose();

    private static long? ReadDiskBytes()
    {
        const string path = "/proc/self/io", name = "write_bytes:";
        return File.Exists(path) && File.ReadLines(path).FirstOrDefault(static line => line.StartsWith(name, StringComparison.Ordinal)) is { } line
            ? long.Parse(line.AsSpan(name.Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture)
            : null;
    }
}
