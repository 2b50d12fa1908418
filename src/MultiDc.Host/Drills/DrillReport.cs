using System.Text.Json;
using MultiDc.Host.Output;
using MultiDc.Linearizability;

namespace MultiDc.Host.Drills;

/// <summary>What a drill came to: the figures an operator asks for after an outage, and the verdict on the data.</summary>
internal sealed class DrillReport : IDrillReport
{
    /// <summary>What a healing may still cause shows within this time.</summary>
    private const long HealingNanoseconds = 10_000_000_000;

    private readonly Lazy<Verdicts> verdicts;
    private readonly Lazy<FaultFigures[]> figures;

    public DrillReport()
    {
        verdicts = new(Judge);
        figures = new(Measure);
    }

    public required DrillKind Kind { get; init; }

    public required IReadOnlyList<string> Datacenters { get; init; }

    public required IReadOnlyList<Operation> History { get; init; }

    /// <summary>By datacenter: the reads of its clients that may be stale.</summary>
    public required IReadOnlyDictionary<string, StaleReads> StaleReads { get; init; }

    /// <summary>When the final reads began.</summary>
    public required long ReadFrom { get; init; }

    public required IReadOnlyList<MadeFault> Faults { get; init; }

    /// <summary>Silos that ended themselves when nothing was done to them, and were started again.</summary>
    public required IReadOnlyList<string> Restarted { get; init; }

    /// <summary>Silos that lost their data and were filled again.</summary>
    public required IReadOnlyList<Refill> Refills { get; init; }

    public required int Shards { get; init; }

    /// <summary>How many elections there were, over all shards.</summary>
    public required ulong Elections { get; init; }

    /// <summary>Where each shard's leader was in the end.</summary>
    public required IReadOnlyDictionary<int, string> LeaderOf { get; init; }

    /// <summary>By how much the operation that was answered latest came after its deadline.</summary>
    public required TimeSpan LongestOverrun { get; init; }

    public required IReadOnlyDictionary<string, double> NearestRoundTripMs { get; init; }

    /// <summary>Whether everything that is promised was kept.</summary>
    public bool IsKept => verdicts.Value is { Linearizable: Linearizable, Durability.IsDurable: true };

    public void Write(TextWriter output)
    {
        output.WriteLine();
        foreach (var fault in figures.Value)
        {
            output.WriteLine($"fault        {fault.What}: writes paused {Seconds(fault.WritePause)}, reads {Seconds(fault.ReadPause)}; after healing writes {Seconds(fault.HealingWritePause)}, reads {Seconds(fault.HealingReadPause)}");
        }

        if (figures.Value is { Length: > 0 } all)
        {
            var (writes, reads) = (all.SelectMany(static f => f.WritePauses), all.SelectMany(static f => f.ReadPauses));
            output.WriteLine($"RTO          of a shard that was hit: writes p50 {Seconds(Rank(writes, 50))}, p99 {Seconds(Rank(writes, 99))}; "
                + $"linearizable reads p50 {Seconds(Rank(reads, 50))}, p99 {Seconds(Rank(reads, 99))}, over {writes.Count()} pauses");
            output.WriteLine($"             of the last shard of each fault: writes p50 {Seconds(Rank(all.Select(static f => f.WritePause), 50))}, p99 {Seconds(Rank(all.Select(static f => f.WritePause), 99))}; "
                + $"linearizable reads p50 {Seconds(Rank(all.Select(static f => f.ReadPause), 50))}, p99 {Seconds(Rank(all.Select(static f => f.ReadPause), 99))}, over {all.Length} faults");
            output.WriteLine($"stale reads  in the datacenter that was hit: paused p50 {Seconds(Rank(all.Select(static f => f.StaleReadPause), 50))}, p99 {Seconds(Rank(all.Select(static f => f.StaleReadPause), 99))}; "
                + $"{all.Sum(static f => f.StaleReadsServed):n0} served during the faults, {all.Sum(static f => f.StaleReadsServedAtHome):n0} of them by its own replicas");
            output.WriteLine($"healing      of the worst of all shards: writes p50 {Seconds(Rank(all.Select(static f => f.HealingWritePause), 50))}, p99 {Seconds(Rank(all.Select(static f => f.HealingWritePause), 99))}");
        }

        output.WriteLine($"elections    {Elections} over {Shards} shards");
        if (Restarted.Count > 0)
        {
            output.WriteLine($"restarted    {string.Join(", ", Restarted)}: ended by themselves and were started again");
        }

        foreach (var refill in Refills)
        {
            output.WriteLine($"refill       {refill.Silo}: {refill.Shards.Count} replicas, {refill.Refused} of them seen without a vote first, ran and had caught up {Seconds(refill.Length)} after it served");
        }

        foreach (var datacenter in Datacenters)
        {
            var latencies = PutLatenciesMs(datacenter);
            if (latencies.Length > 0)
            {
                var nearest = NearestRoundTripMs.TryGetValue(datacenter, out var ms) ? $"; the round trip to the nearest other datacenter is {ms:0.#} ms" : "";
                output.WriteLine($"puts         {datacenter}, which leads: p50 {latencies[latencies.Length / 2]:0.0} ms, p99 {latencies[latencies.Length * 99 / 100]:0.0} ms of {latencies.Length:n0}{nearest}");
            }
        }

        var results = History.CountBy(static o => o.Result).ToDictionary();
        output.WriteLine($"history      {History.Count:n0} operations: {results.GetValueOrDefault(OperationResult.Ok):n0} ok, {results.GetValueOrDefault(OperationResult.Fail):n0} failed, {results.GetValueOrDefault(OperationResult.Unknown):n0} unknown");
        output.WriteLine($"deadlines    the latest answer came {LongestOverrun.TotalMilliseconds:0} ms after its deadline");
        output.WriteLine($"RPO          {(verdicts.Value.Durability.IsDurable ? "0: every acknowledged write is there or was overwritten by a later one" : $"NOT 0: {verdicts.Value.Durability.Lost.Count} keys lost acknowledged writes")}");
        output.WriteLine($"linearizable {verdicts.Value.Linearizable switch { Linearizable => "yes, the whole history", Undecided => "undecided", _ => "NO" }}");
        if (verdicts.Value.Linearizable is not Linearizable and var verdict)
        {
            output.WriteLine(verdict.Explain());
        }

        foreach (var lost in verdicts.Value.Durability.Lost.Take(3))
        {
            output.WriteLine(lost.Explain());
        }

        output.WriteLine(IsKept ? "VERDICT      no violation" : verdicts.Value.Linearizable is Undecided ? "VERDICT      undecided" : "VERDICT      VIOLATION");
    }

    public void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteString("drill", JsonNamingPolicy.KebabCaseLower.ConvertName(Kind.ToString()));
        json.WriteBoolean("kept", IsKept);
        json.WriteString("linearizable", verdicts.Value.Linearizable.GetType().Name);
        json.WriteNumber("keysThatLostWrites", verdicts.Value.Durability.Lost.Count);
        json.WriteStartArray("faults");
        foreach (var fault in figures.Value)
        {
            json.WriteStartObject();
            json.WriteString("what", fault.What);
            json.WriteStartArray("writePausesOfEachShardSeconds");
            foreach (var pause in fault.WritePauses)
            {
                json.WriteNumberValue(Math.Round(pause.TotalSeconds, 3));
            }

            json.WriteEndArray();
            json.WriteNumber("writePauseSeconds", Math.Round(fault.WritePause.TotalSeconds, 3));
            json.WriteNumber("readPauseSeconds", Math.Round(fault.ReadPause.TotalSeconds, 3));
            json.WriteNumber("staleReadPauseSeconds", Math.Round(fault.StaleReadPause.TotalSeconds, 3));
            json.WriteNumber("staleReads", fault.StaleReadsServed);
            json.WriteNumber("staleReadsByOwnReplicas", fault.StaleReadsServedAtHome);
            json.WriteNumber("healingWritePauseSeconds", Math.Round(fault.HealingWritePause.TotalSeconds, 3));
            json.WriteNumber("healingReadPauseSeconds", Math.Round(fault.HealingReadPause.TotalSeconds, 3));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("elections", Elections);
        json.WriteStartArray("restarted");
        foreach (var silo in Restarted)
        {
            json.WriteStringValue(silo);
        }

        json.WriteEndArray();
        json.WriteStartArray("refills");
        foreach (var refill in Refills)
        {
            json.WriteStartObject();
            json.WriteString("silo", refill.Silo);
            json.WriteNumber("replicas", refill.Shards.Count);
            json.WriteNumber("refused", refill.Refused);
            json.WriteNumber("seconds", Math.Round(refill.Length.TotalSeconds, 3));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        foreach (var result in Enum.GetValues<OperationResult>())
        {
            json.WriteNumber(JsonNamingPolicy.CamelCase.ConvertName(result.ToString()), History.Count(o => o.Result == result));
        }

        json.WriteNumber("longestOverrunSeconds", Math.Round(LongestOverrun.TotalSeconds, 3));
        json.WriteStartObject("putP50Ms");
        foreach (var datacenter in Datacenters)
        {
            if (PutLatenciesMs(datacenter) is { Length: > 0 } latencies)
            {
                json.WriteNumber(datacenter, Math.Round(latencies[latencies.Length / 2], 2));
            }
        }

        json.WriteEndObject();
    });

    private Verdicts Judge()
    {
        var final = History.Where(o => o.Kind == OperationKind.Get && o.Start >= ReadFrom && o.Result == OperationResult.Ok)
            .GroupBy(static o => o.Key).ToDictionary(static g => g.Key, static g => g.Last().Output);
        return new(LinearizabilityChecker.Check(History), DurabilityCheck.LostWrites(History, final));
    }

    private FaultFigures[] Measure()
    {
        var writes = new Pauses(History, Shards, static o => o.Kind is OperationKind.Put or OperationKind.Delete || o is { Kind: OperationKind.Cas, Output: "true" });
        var reads = new Pauses(History, Shards, static o => o.Kind == OperationKind.Get);
        var all = Enumerable.Range(0, Shards).ToArray();
        return [.. Faults.Select(fault =>
        {
            // What the next fault causes is not this one's healing.
            var next = Faults.Select(static other => other.BeganAt).Where(began => began >= fault.HealedAt).DefaultIfEmpty(ReadFrom).Min();
            var healed = Math.Min(fault.HealedAt + HealingNanoseconds, Math.Min(next, ReadFrom));

            // A witness has no clients of its own.
            var stale = StaleReads.GetValueOrDefault(fault.Datacenter);
            var (served, servedAtHome) = stale?.CountBetween(fault.BeganAt, fault.HealedAt) ?? default;
            return new FaultFigures(
                fault.What,
                writes.OfEach(fault.Shards, fault.BeganAt, fault.HealedAt),
                reads.OfEach(fault.Shards, fault.BeganAt, fault.HealedAt),
                writes.Longest(all, fault.HealedAt, healed),
                reads.Longest(all, fault.HealedAt, healed),
                stale?.LongestPause(fault.BeganAt, fault.HealedAt) ?? TimeSpan.Zero,
                served,
                servedAtHome);
        })];
    }

    /// <summary>Puts by clients of the datacenter to shards that it led, while nothing was broken.</summary>
    private double[] PutLatenciesMs(string datacenter)
    {
        var number = Datacenters.ToList().IndexOf(datacenter);
        return [.. History
            .Where(o => o is { Kind: OperationKind.Put, Result: OperationResult.Ok } && LoadPart.NumberOf(o.Client) == number && !Faults.Any(f => o.Start < f.HealedAt + HealingNanoseconds && o.End > f.BeganAt))
            .Where(o => LeaderOf.GetValueOrDefault(Pauses.ShardOf(o.Key, Shards)) == datacenter)
            .Select(static o => (o.End!.Value - o.Start) / 1e6).Order()];
    }

    // Nearest rank: of ten values, the 99th percentile is the greatest.
    private static TimeSpan Rank(IEnumerable<TimeSpan> pauses, int percentile) =>
        pauses.Order().ToArray() is { Length: > 0 } all ? all[Math.Max(0, (int)Math.Ceiling(percentile / 100.0 * all.Length) - 1)] : TimeSpan.Zero;

    private static string Seconds(TimeSpan time) => $"{time.TotalSeconds:0.00} s";

    private sealed record Verdicts(Verdict Linearizable, DurabilityReport Durability);

    private sealed record FaultFigures(string What, TimeSpan[] WritePauses, TimeSpan[] ReadPauses, TimeSpan HealingWritePause, TimeSpan HealingReadPause,
        TimeSpan StaleReadPause, int StaleReadsServed, int StaleReadsServedAtHome)
    {
        public TimeSpan WritePause => WritePauses.DefaultIfEmpty(TimeSpan.Zero).Max();

        public TimeSpan ReadPause => ReadPauses.DefaultIfEmpty(TimeSpan.Zero).Max();
    }
}
