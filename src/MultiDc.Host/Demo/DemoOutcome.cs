using MultiDc.Linearizability;

namespace MultiDc.Host.Demo;

/// <summary>What a run left behind to be judged.</summary>
/// <param name="History">Every operation of every client, the final reads included.</param>
/// <param name="Final">What the final reads found.</param>
/// <param name="Counter">The counter's final total.</param>
/// <param name="Increments">What it should be.</param>
/// <param name="Pauses">The longest write pause after each kill.</param>
internal sealed record DemoOutcome(
    IReadOnlyList<Operation> History, IReadOnlyDictionary<string, string?> Final, int Counter, int Increments, IReadOnlyList<TimeSpan> Pauses)
{
    /// <summary>Judges the run and tells the verdict.</summary>
    /// <returns>Whether everything that was promised was kept.</returns>
    public bool Judge(Action<string> say)
    {
        var verdict = LinearizabilityChecker.Check(History);
        var durability = DurabilityCheck.LostWrites(History, Final);
        var results = History.CountBy(static o => o.Result).ToDictionary();
        say("");
        say($"history      {History.Count:n0} operations on {Final.Count:n0} keys: {results.GetValueOrDefault(OperationResult.Ok):n0} ok, "
            + $"{results.GetValueOrDefault(OperationResult.Fail):n0} failed, {results.GetValueOrDefault(OperationResult.Unknown):n0} unknown");
        say($"linearizable {(verdict is Linearizable ? "yes, the whole history" : "NO")}");
        say($"durable      {(durability.IsDurable ? "yes, every acknowledged write is there or was overwritten by a later one" : $"NO: {durability.Lost.Count} keys lost acknowledged writes")}");
        say($"counter      {Counter:n0} of {Increments:n0} increments{(Counter == Increments ? ", exactly" : ": WRONG")}");
        if (Pauses.Count > 0)
        {
            var sorted = Pauses.Order().ToArray();
            say($"write pause  p50 {Rank(sorted, 50).TotalSeconds:0.00} s, p99 {Rank(sorted, 99).TotalSeconds:0.00} s over {sorted.Length} kills of the leaders' datacenter");
        }

        var kept = verdict is Linearizable && durability.IsDurable && Counter == Increments;
        if (verdict is not Linearizable)
        {
            say(verdict.Explain());
        }

        foreach (var lost in durability.Lost.Take(3))
        {
            say(lost.Explain());
        }

        say(kept ? "VERDICT      no violation" : verdict is Undecided ? "VERDICT      undecided" : "VERDICT      VIOLATION");
        return kept;
    }

    // Nearest rank: of ten values, the 99th percentile is the greatest.
    private static TimeSpan Rank(TimeSpan[] sorted, int percentile) => sorted[Math.Max(0, (int)Math.Ceiling(percentile / 100.0 * sorted.Length) - 1)];
}
