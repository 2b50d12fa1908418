namespace MultiDc.Simulation;

/// <summary>One run in words.</summary>
internal static class RunReport
{
    public static string Command(ulong seed) => $"dotnet run -c Release --project tests/MultiDc.Simulation -- replay --seed {seed}";

    public static void Print(RunResult result, TextWriter output)
    {
        output.WriteLine($"seed {result.Seed}: digest {result.Digest:x16}");
        foreach (var line in result.Plan.Describe())
        {
            output.WriteLine($"  {line}");
        }

        output.WriteLine($"  {result.Operations} operations ({result.Answered} answered), {result.Faults} faults, {result.Committed} entries committed, {result.Parcels} parcels, {result.Occurrences} occurrences");
        output.WriteLine($"  {result.Simulated.TotalMinutes:0.0} simulated minutes in {result.Elapsed.TotalMilliseconds:0} ms: {result.TimesRealTime:0} x real time");
        PrintCounts<FaultKind>("faults", result.FaultCounts, output);
        PrintCounts<RareEvent>("rare events", result.RareEventCounts, output);
        PrintCounts<RaftProbe>("branches of the core", result.ProbeCounts, output);
        if (result.Violation is not null)
        {
            PrintViolation(result, output);
        }
    }

    /// <summary>What failed, what had been drawn, and how to see it again.</summary>
    public static void PrintViolation(RunResult result, TextWriter output)
    {
        output.WriteLine($"VIOLATION in seed {result.Seed} after {result.Simulated.TotalSeconds:0.000} s: {result.Violation!.Message}");
        output.WriteLine($"  group: {result.Plan.Shape}");
        output.WriteLine($"  faults drawn: {result.Plan.Faults}");
        output.WriteLine($"  REPLAY WITH: {Command(result.Seed)}");
    }

    public static void PrintCounts<TKind>(string title, IReadOnlyList<long> counts, TextWriter output)
        where TKind : struct, Enum
    {
        var kinds = Enum.GetValues<TKind>();
        output.WriteLine($"  {title}: {string.Join(", ", kinds.Where((_, i) => counts[i] > 0).Select((kind, _) => $"{kind} {counts[Convert.ToInt32(kind)]}"))}");
        var never = kinds.Where((_, i) => counts[i] == 0).ToArray();
        if (never.Length > 0)
        {
            output.WriteLine($"  {title} never reached: {string.Join(", ", never)}");
        }
    }
}
