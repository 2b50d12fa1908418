using System.Globalization;
using System.Text.Json;

namespace MultiDc.Comparison.Results;

/// <summary>What is compared: the same load in the same network.</summary>
internal sealed record Cell(string Network, string Workload, int Clients);

/// <summary>One turn of one system: a file that infra/bench/compare.sh wrote, <c>NETWORK/WORKLOAD,CLIENTS,SYSTEM,NUMBER.json</c>.</summary>
internal sealed record Turn(Cell Cell, string System, TurnFigures Figures)
{
    public static Turn Read(string file)
    {
        if (Path.GetFileNameWithoutExtension(file).Split(',') is not [var workload, var clients, var system, _])
        {
            throw new FormatException($"{file} is not named WORKLOAD,CLIENTS,SYSTEM,NUMBER.json");
        }

        try
        {
            using var report = JsonDocument.Parse(File.ReadAllText(file));
            return new(
                new(Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file)))!, workload, int.Parse(clients, CultureInfo.InvariantCulture)),
                system,
                TurnFigures.Of(report.RootElement));
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new FormatException($"{file} is no report of 'multidc bench --json': {exception.Message}", exception);
        }
    }

    public static IEnumerable<Turn> ReadAll(string folder) =>
        Directory.EnumerateFiles(folder, "*,*,*,*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(Read);
}

/// <summary>The figures of one turn; null: not told.</summary>
internal sealed record TurnFigures(
    double OperationsPerSecond, double P50, double P95, double P99, double P999, double? ServerMicros, double? ClientMicros, double? ServerAllocated, double? DiskBytes, double? Flushes, double Failures)
{
    public static TurnFigures Of(JsonElement report)
    {
        var latency = report.GetProperty("latencyMs");
        return new(
            report.GetProperty("operationsPerSecond").GetDouble(),
            latency.GetProperty("p50").GetDouble(),
            latency.GetProperty("p95").GetDouble(),
            latency.GetProperty("p99").GetDouble(),
            latency.GetProperty("p99.9").GetDouble(),
            Figure("servers", "processorMicrosPerOperation"),
            Figure("client", "processorMicrosPerOperation"),
            Figure("servers", "allocatedBytesPerOperation"),
            Figure("servers", "diskBytesPerOperation"),
            Figure("servers", "flushesPerOperation"),
            report.GetProperty("failures").EnumerateObject().Sum(static failure => failure.Value.GetDouble())
                + report.GetProperty("unfinished").GetDouble() + report.GetProperty("notBegun").GetDouble());

        double? Figure(string of, string name) =>
            report.GetProperty(of) is { ValueKind: JsonValueKind.Object } use && use.GetProperty(name) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null;
    }
}
