using MultiDc.Host.Output;

namespace MultiDc.Host.Drills.Overload;

/// <summary>The resident memory of a silo at a time.</summary>
/// <param name="Silo">Whose.</param>
/// <param name="At">When, since the overload began; negative: before.</param>
/// <param name="Bytes">How much; 0: the process was not there.</param>
internal sealed record MemorySample(string Silo, TimeSpan At, long Bytes);

/// <summary>What the drill of an overload came to.</summary>
internal sealed class OverloadReport : IDrillReport
{
    /// <summary>What a failure is called that was no result but an exception.</summary>
    public const string Untyped = "exception";

    /// <summary>What a refusal is called that does not say when to come again.</summary>
    public const string WithoutHint = "without a hint";

    /// <summary>Normal load must be served again within this time.</summary>
    private static readonly TimeSpan RecoveryLimit = TimeSpan.FromSeconds(5);

    /// <summary>By how much the later half of the overload may take more memory than the earlier, before it is called growth.</summary>
    private const double GreatestGrowth = 1.2;
    private const long MiB = 1024 * 1024;
    private const long GrowthAllowance = 64 * MiB;

    public required OverloadOptions Options { get; init; }

    /// <summary>What the system did in a closed loop, in operations a second.</summary>
    public required double Capacity { get; init; }

    /// <summary>What was asked of it, in operations a second.</summary>
    public required double Offered { get; init; }

    /// <summary>The seconds of normal load before.</summary>
    public required IReadOnlyList<LoadSecond> Normal { get; init; }

    public required IReadOnlyList<LoadSecond> Overload { get; init; }

    /// <summary>The seconds of normal load right behind.</summary>
    public required IReadOnlyList<LoadSecond> After { get; init; }

    public required IReadOnlyList<MemorySample> Memory { get; init; }

    public required ulong Elections { get; init; }

    public required int Shards { get; init; }

    /// <summary>Silos that ended themselves and were started again.</summary>
    public required IReadOnlyList<string> Restarted { get; init; }

    public bool IsKept => Problems().Count == 0;

    /// <summary>How long it took until normal load was served as before; null: it never was.</summary>
    public TimeSpan? RecoveredAfter => Enumerable.Range(0, Math.Max(After.Count - 1, 0)).Where(seconds => IsNormal([.. After.Skip(seconds)])).Select(static seconds => (TimeSpan?)TimeSpan.FromSeconds(seconds)).FirstOrDefault();

    /// <summary>What of the promises was not kept.</summary>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        if (Elections > 0)
        {
            problems.Add($"{Elections} elections");
        }

        if (Restarted.Count > 0)
        {
            problems.Add($"{string.Join(", ", Restarted)} ended by themselves");
        }

        problems.AddRange(Failures([.. Normal, .. Overload, .. After]).Keys.Where(static kind => kind.StartsWith(Untyped, StringComparison.Ordinal) || kind.EndsWith(WithoutHint, StringComparison.Ordinal))
            .Select(static kind => $"callers were told '{kind}'"));
        if (Unanswered > 0)
        {
            problems.Add($"{Unanswered:n0} operations were never answered");
        }

        foreach (var silo in Silos)
        {
            var (early, late) = (MedianBytes(silo, 0.25, 0.5), MedianBytes(silo, 0.75, 1));
            if (GreatestBytes(silo) > Options.MemoryLimitBytes)
            {
                problems.Add($"{silo} took {GreatestBytes(silo) / MiB:n0} MiB");
            }
            else if (late > (early * GreatestGrowth) + GrowthAllowance)
            {
                problems.Add($"{silo} grew from {early / MiB:n0} to {late / MiB:n0} MiB while the overload lasted");
            }
        }

        if (RecoveredAfter is not { } recovered || recovered > RecoveryLimit)
        {
            problems.Add(RecoveredAfter is null ? "normal load was never served as before" : $"normal load was served as before only after {RecoveredAfter.Value.TotalSeconds:0} s");
        }

        return problems;
    }

    public void Write(TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"capacity     {Capacity:n0} operations/s, half of them writes, in a closed loop of {Options.Clients} clients in each datacenter");
        output.WriteLine($"normal       {Describe(Normal)}");
        output.WriteLine($"overload     {Offered:n0}/s for {Overload.Count} s, {Overload.Sum(static second => (double)second.Begun) / Overload.Count / Capacity:0.0} times the capacity in fact: {Describe(Overload)}");
        foreach (var (kind, count) in Failures(Overload))
        {
            output.WriteLine($"  {kind,-36} {count,12:n0}");
        }

        output.WriteLine($"after        {Describe(After)}; {(RecoveredAfter is { } recovered ? $"as before after {recovered.TotalSeconds:0} s" : "never as before")}");
        foreach (var (kind, count) in Failures(After))
        {
            output.WriteLine($"  {kind,-36} {count,12:n0}");
        }

        foreach (var silo in Silos)
        {
            output.WriteLine($"memory       {silo}: {MedianBytes(silo, -1, 0) / MiB:n0} MiB before; in the quarters of the overload "
                + $"{string.Join(", ", Enumerable.Range(0, 4).Select(quarter => $"{MedianBytes(silo, quarter / 4.0, (quarter + 1) / 4.0) / MiB:n0}"))}; at most {GreatestBytes(silo) / MiB:n0}, of {Options.MemoryLimitBytes / MiB:n0}");
        }

        output.WriteLine($"elections    {Elections} over {Shards} shards");
        foreach (var problem in Problems())
        {
            output.WriteLine($"problem      {problem}");
        }

        output.WriteLine(IsKept ? "VERDICT      no violation" : "VERDICT      VIOLATION");
    }

    public void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteString("drill", "overload");
        json.WriteBoolean("kept", IsKept);
        json.WriteStartArray("problems");
        foreach (var problem in Problems())
        {
            json.WriteStringValue(problem);
        }

        json.WriteEndArray();
        json.WriteNumber("capacity", Math.Round(Capacity));
        foreach (var (name, seconds) in new[] { ("normal", Normal), ("overload", Overload), ("after", After) })
        {
            json.WriteStartObject(name);
            json.WriteNumber("seconds", seconds.Count);
            json.WriteNumber("begun", seconds.Sum(static second => (long)second.Begun));
            json.WriteNumber("done", seconds.Sum(static second => (long)second.Done));
            json.WriteNumber("p50Ms", LoadSecond.PercentileMs(seconds, 50));
            json.WriteNumber("p99Ms", LoadSecond.PercentileMs(seconds, 99));
            json.WriteStartObject("failures");
            foreach (var (kind, count) in Failures(seconds))
            {
                json.WriteNumber(kind, count);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteNumber("unanswered", Unanswered);
        if (RecoveredAfter is { } recovered)
        {
            json.WriteNumber("recoveredAfterSeconds", recovered.TotalSeconds);
        }

        json.WriteStartArray("memory");
        foreach (var silo in Silos)
        {
            json.WriteStartObject();
            json.WriteString("silo", silo);
            json.WriteNumber("before", MedianBytes(silo, -1, 0));
            json.WriteStartArray("quarters");
            for (var quarter = 0; quarter < 4; quarter++)
            {
                json.WriteNumberValue(MedianBytes(silo, quarter / 4.0, (quarter + 1) / 4.0));
            }

            json.WriteEndArray();
            json.WriteNumber("greatest", GreatestBytes(silo));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("elections", Elections);
    });

    /// <summary>Nearly everything is served, and hardly slower than before.</summary>
    private bool IsNormal(IReadOnlyList<LoadSecond> seconds)
    {
        const double LeastDone = 0.98;
        return seconds.Sum(static second => (double)second.Done) >= LeastDone * seconds.Sum(static second => (double)second.Begun)
            && LoadSecond.PercentileMs(seconds, 99) <= (2 * LoadSecond.PercentileMs(Normal, 99)) + 50;
    }

    private long Unanswered => new[] { Normal, Overload, After }.SelectMany(static seconds => seconds)
        .Sum(static second => second.Begun - second.Done - (long)second.Failures.Values.Sum());

    private string[] Silos => [.. Memory.Select(static sample => sample.Silo).Distinct().Order(StringComparer.Ordinal)];

    private long GreatestBytes(string silo) => Memory.Where(sample => sample.Silo == silo).Max(static sample => sample.Bytes);

    /// <summary>Between two times, in lengths of the overload.</summary>
    private long MedianBytes(string silo, double from, double to)
    {
        var sizes = Memory.Where(sample => sample.Silo == silo && sample.At.TotalSeconds >= from * Overload.Count && sample.At.TotalSeconds < to * Overload.Count)
            .Select(static sample => sample.Bytes).Order().ToArray();
        return sizes.Length == 0 ? 0 : sizes[sizes.Length / 2];
    }

    private static SortedDictionary<string, long> Failures(IEnumerable<LoadSecond> seconds)
    {
        var all = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (kind, count) in seconds.SelectMany(static second => second.Failures))
        {
            all[kind] = all.GetValueOrDefault(kind) + count;
        }

        return all;
    }

    private static string Describe(IReadOnlyList<LoadSecond> seconds) =>
        $"{seconds.Average(static second => second.Begun):n0}/s begun, {seconds.Average(static second => second.Done):n0}/s done, p50 {LoadSecond.PercentileMs(seconds, 50):0.0} ms, p99 {LoadSecond.PercentileMs(seconds, 99):0.0} ms";
}
