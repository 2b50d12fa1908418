using MultiDc.Host.Drills.Overload;
using MultiDc.Host.Output;

namespace MultiDc.Host.Drills.Watching;

/// <summary>How soon the healthy watchers were told in one turn.</summary>
/// <param name="IsStuck">Whether another one stood still meanwhile.</param>
/// <param name="Deliveries">How often they were told of something.</param>
/// <param name="P50Ms">Half of that was told within this time since its write began.</param>
/// <param name="P99Ms">Nearly all.</param>
internal sealed record StuckTurn(bool IsStuck, long Deliveries, double P50Ms, double P99Ms)
{
    /// <param name="isStuck">Whether one was stuck.</param>
    /// <param name="delays">Tenths of a millisecond, and how many took so long.</param>
    public static StuckTurn Of(bool isStuck, IReadOnlyList<long[]> delays)
    {
        var all = new LoadSecond { Begun = 0, Done = 0, Failures = new Dictionary<string, int>(), Latencies = delays };
        return new(isStuck, delays.Sum(static delay => delay[1]), LoadSecond.PercentileMs([all], 50), LoadSecond.PercentileMs([all], 99));
    }
}

/// <summary>What the drill of a stuck watcher came to.</summary>
internal sealed class StuckReport : IDrillReport
{
    public required StuckOptions Options { get; init; }

    public required IReadOnlyList<StuckTurn> Turns { get; init; }

    public double P99WithoutMs => MedianP99Ms(isStuck: false);

    public double P99WithMs => MedianP99Ms(isStuck: true);

    public double Ratio => P99WithoutMs > 0 ? P99WithMs / P99WithoutMs : double.PositiveInfinity;

    /// <summary>The healthy ones were told, and hardly later than without the stuck one.</summary>
    public bool IsKept => Turns.Count > 0 && Turns.All(static turn => turn.Deliveries > 0) && Ratio <= Options.MaxRatio;

    public void Write(TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"deliveries   {Turns.Sum(static turn => turn.Deliveries):n0} to {Options.Watchers:n0} healthy watchers in {Turns.Count} turns of {Options.TurnLength.TotalSeconds:0.#} s");
        foreach (var isStuck in new[] { false, true })
        {
            var turns = Turns.Where(turn => turn.IsStuck == isStuck).ToArray();
            output.WriteLine($"{(isStuck ? "with     " : "without  ")}    the stuck one: p99 {MedianP99Ms(isStuck):0.0} ms, the median of {string.Join(", ", turns.Select(static turn => $"{turn.P99Ms:0.0}"))}; p50 {Median(turns.Select(static turn => turn.P50Ms)):0.0} ms");
        }

        output.WriteLine($"ratio        {Ratio:0.00}, of at most {Options.MaxRatio:0.##}");
        output.WriteLine(IsKept ? "VERDICT      no violation" : "VERDICT      VIOLATION");
    }

    public void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteString("drill", "stuck-watcher");
        json.WriteBoolean("kept", IsKept);
        json.WriteNumber("watchers", Options.Watchers);
        json.WriteNumber("p99WithoutMs", P99WithoutMs);
        json.WriteNumber("p99WithMs", P99WithMs);
        json.WriteNumber("ratio", double.IsFinite(Ratio) ? Math.Round(Ratio, 3) : -1);
        json.WriteStartArray("turns");
        foreach (var turn in Turns)
        {
            json.WriteStartObject();
            json.WriteBoolean("stuck", turn.IsStuck);
            json.WriteNumber("deliveries", turn.Deliveries);
            json.WriteNumber("p50Ms", turn.P50Ms);
            json.WriteNumber("p99Ms", turn.P99Ms);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private double MedianP99Ms(bool isStuck) => Median(Turns.Where(turn => turn.IsStuck == isStuck).Select(static turn => turn.P99Ms));

    private static double Median(IEnumerable<double> values) => values.Order().ToArray() is { Length: > 0 } all ? all[all.Length / 2] : 0;
}
