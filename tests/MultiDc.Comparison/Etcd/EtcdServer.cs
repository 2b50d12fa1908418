using System.Globalization;
using MultiDc.Comparison.Processes;
using MultiDc.Host.Bench;

namespace MultiDc.Comparison.Etcd;

/// <summary>One member of an etcd cluster, and what it tells of itself in its metrics.</summary>
/// <param name="endpoint">Where its clients go.</param>
/// <param name="processId">Its process on this machine, whose bytes to disk /proc tells; null: not told.</param>
internal sealed class EtcdServer(Uri endpoint, int? processId) : IDisposable
{
    // Both end with a wait for the disk: of the log, and of the database behind it.
    private static readonly string[] Flushes = ["etcd_disk_wal_fsync_duration_seconds_count", "etcd_disk_backend_commit_duration_seconds_count"];

    private readonly HttpClient http = new();

    public Uri Endpoint => endpoint;

    public async Task<ServerUsage> GetUsageAsync(CancellationToken cancellationToken)
    {
        var metrics = Read(await http.GetStringAsync(new Uri(endpoint, "/metrics"), cancellationToken).ConfigureAwait(false));
        return new(
            $"{endpoint} since {metrics["process_start_time_seconds"]}",
            TimeSpan.FromSeconds(metrics["process_cpu_seconds_total"]),
            null,
            processId is { } id ? ServerProcess.ReadDiskBytes(id) : null,
            (long)Flushes.Sum(name => metrics[name]));
    }

    public void Dispose() => http.Dispose();

    /// <summary>Those without labels, in Prometheus' text format.</summary>
    public static Dictionary<string, double> Read(string text) => text.Split('\n')
        .Where(static line => line.Length > 0 && line[0] != '#' && !line.Contains('{'))
        .Select(static line => line.Split(' '))
        .ToDictionary(static parts => parts[0], static parts => double.Parse(parts[1], CultureInfo.InvariantCulture));
}
