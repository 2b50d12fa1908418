using System.Text.Json;
using HdrHistogram;
using MultiDc.Host.Output;

namespace MultiDc.Host.Bench;

/// <summary>What a benchmark came to.</summary>
internal sealed class BenchReport
{
    private static readonly (string Name, double Percentile)[] Percentiles = [("p50", 50), ("p95", 95), ("p99", 99), ("p99.9", 99.9), ("max", 100)];

    public required string Target { get; init; }

    public required BenchOptions Options { get; init; }

    public required MeasuredOperations Measured { get; init; }

    /// <summary>In an open loop: operations whose time came and went, because all clients were busy.</summary>
    public required long NotBegun { get; init; }

    /// <summary>All server processes together; null when they do not tell, or were not the same all the time.</summary>
    public required ResourceUse? Servers { get; init; }

    public required ResourceUse Client { get; init; }

    public double OperationsPerSecond => Measured.DoneWithin / Options.Duration.TotalSeconds;

    /// <summary>Whether anything was measured at all.</summary>
    public bool IsMeasured => Measured.DoneWithin > 0;

    public void Write(TextWriter output)
    {
        output.WriteLine($"workload     {Options.Workload.Name} on {Target}: {Options.Clients:n0} clients, {LoopText}, {Options.Keys:n0} keys {Name(Options.Distribution)}, values of {Options.ValueBytes:n0} bytes, "
            + $"{Options.WarmUp.TotalSeconds:0.###} s warm-up, {Options.Duration.TotalSeconds:0.###} s measured, seed {Options.Seed}");
        output.WriteLine($"throughput   {OperationsPerSecond:n0} operations/s; {Measured.DoneWithin:n0} done");
        output.WriteLine($"latency      {LatencyText(Measured.AllLatencies)}");
        if (Measured.Latencies.Count > 1)
        {
            foreach (var (kind, latencies) in Measured.Latencies)
            {
                output.WriteLine($"             {Name(kind)}, {latencies.TotalCount:n0}: {LatencyText(latencies)}");
            }
        }

        var failed = Measured.Failures.Select(static failure => $"{failure.Value:n0} {failure.Key}")
            .Concat(Measured.Unfinished > 0 ? [$"{Measured.Unfinished:n0} unfinished"] : [])
            .Concat(NotBegun > 0 ? [$"{NotBegun:n0} not begun, since all clients were busy: the rate was not kept"] : []);
        output.WriteLine($"failures     {(string.Join(", ", failed) is { Length: > 0 } text ? text : "none")}");
        if (Options.Rate is not null)
        {
            output.WriteLine($"begun late   p50 {Measured.Lateness.MillisecondsAt(50):0.000} ms, p99 {Measured.Lateness.MillisecondsAt(99):0.000} ms: part of the latencies above");
        }

        output.WriteLine(Servers is null ? "servers      did not tell what they used, or were not the same processes all the time" : $"servers      {UseText(Servers)}");
        output.WriteLine($"client       {UseText(Client)}");
    }

    public void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteString("target", Target);
        json.WriteString("workload", Options.Workload.Name);
        json.WriteString("loop", Options.Rate is null ? "closed" : "open");
        json.WriteNumber("clients", Options.Clients);
        if (Options.Rate is { } rate)
        {
            json.WriteNumber("rate", rate);
        }

        json.WriteNumber("keys", Options.Keys);
        json.WriteString("distribution", Name(Options.Distribution));
        json.WriteNumber("valueBytes", Options.ValueBytes);
        json.WriteNumber("warmUpSeconds", Options.WarmUp.TotalSeconds);
        json.WriteNumber("seconds", Options.Duration.TotalSeconds);
        json.WriteNumber("seed", Options.Seed);
        json.WriteNumber("done", Measured.DoneWithin);
        json.WriteNumber("operationsPerSecond", Math.Round(OperationsPerSecond, 1));
        WriteLatency(json, "latencyMs", Measured.AllLatencies);
        json.WriteStartObject("operations");
        foreach (var (kind, latencies) in Measured.Latencies)
        {
            json.WriteStartObject(Name(kind));
            json.WriteNumber("count", latencies.TotalCount);
            WriteLatency(json, "latencyMs", latencies);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("failures");
        foreach (var (failure, count) in Measured.Failures)
        {
            json.WriteNumber(failure, count);
        }

        json.WriteEndObject();
        json.WriteNumber("unfinished", Measured.Unfinished);
        json.WriteNumber("notBegun", NotBegun);
        WriteLatency(json, "begunLateMs", Measured.Lateness);
        if (Servers is null)
        {
            json.WriteNull("servers");
        }
        else
        {
            WriteUse(json, "servers", Servers);
        }

        WriteUse(json, "client", Client);
    });

    private string LoopText => Options.Rate is { } rate ? $"open loop of {rate:n0} operations/s" : "closed loop";

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    private static string LatencyText(LongHistogram latencies) => latencies.TotalCount == 0
        ? "of nothing"
        : string.Join(", ", Percentiles.Select(each => $"{each.Name} {latencies.MillisecondsAt(each.Percentile):0.000} ms"));

    private static void WriteLatency(Utf8JsonWriter json, string name, LongHistogram latencies)
    {
        json.WriteStartObject(name);
        foreach (var (percentile, at) in Percentiles)
        {
            json.WriteNumber(percentile, Math.Round(latencies.MillisecondsAt(at), 4));
        }

        json.WriteEndObject();
    }

    private string UseText(ResourceUse use)
    {
        var cores = use.ProcessorTime / Options.Duration;
        var parts = new List<string> { $"{use.Processes} process{(use.Processes == 1 ? "" : "es")}", $"{cores:0.00} cores", $"{Micros(use) ?? double.NaN:0.0} µs of processor time per operation" };
        Add(use.AllocatedBytes, "bytes allocated");
        Add(use.DiskBytes, "bytes to disk");
        Add(use.Flushes, "flushes");
        return string.Join(", ", parts);

        void Add(long? total, string what)
        {
            if (PerOperation(total) is { } each)
            {
                parts.Add($"{each.ToString(each < 10 ? "0.000" : "n0")} {what} per operation");
            }
        }
    }

    private void WriteUse(Utf8JsonWriter json, string name, ResourceUse use)
    {
        json.WriteStartObject(name);
        json.WriteNumber("processes", use.Processes);
        json.WriteNumber("cores", Math.Round(use.ProcessorTime / Options.Duration, 3));
        Figure("processorMicrosPerOperation", Micros(use));
        Figure("allocatedBytesPerOperation", PerOperation(use.AllocatedBytes));
        Figure("diskBytesPerOperation", PerOperation(use.DiskBytes));
        Figure("flushesPerOperation", PerOperation(use.Flushes));
        json.WriteEndObject();

        void Figure(string figure, double? value)
        {
            if (value is { } number)
            {
                json.WriteNumber(figure, Math.Round(number, 4));
            }
            else
            {
                json.WriteNull(figure);
            }
        }
    }

    private double? Micros(ResourceUse use) => IsMeasured ? use.ProcessorTime.TotalMicroseconds / Measured.DoneWithin : null;

    private double? PerOperation(long? total) => IsMeasured ? (double?)total / Measured.DoneWithin : null;
}
