namespace MultiDc.Simulation;

/// <summary>What many runs came to, together.</summary>
internal sealed class SweepReport
{
    private readonly long[] faults = new long[Enum.GetValues<FaultKind>().Length];
    private readonly long[] rareEvents = new long[Enum.GetValues<RareEvent>().Length];

    private readonly long[] probes = new long[Enum.GetValues<RaftProbe>().Length];

    public int Seeds { get; private set; }

    /// <summary>Runs that found a violation.</summary>
    public List<RunResult> Failures { get; } = [];

    public int RanTwice { get; set; }

    /// <summary>Seeds whose second run went another way.</summary>
    public List<ulong> NotRepeated { get; } = [];

    public TimeSpan Elapsed { get; set; }

    public TimeSpan Simulated { get; private set; }

    public TimeSpan Running { get; private set; }

    public long Operations { get; private set; }

    public long Answered { get; private set; }

    public long Faults { get; private set; }

    public long LeastOperations { get; private set; } = long.MaxValue;

    public long LeastFaults { get; private set; } = long.MaxValue;

    public TimeSpan LeastSimulated { get; private set; } = TimeSpan.MaxValue;

    public long Committed { get; private set; }

    public long Parcels { get; private set; }

    public bool IsClean => Failures.Count == 0 && NotRepeated.Count == 0;

    public void Add(RunResult result)
    {
        Seeds++;
        Simulated += result.Simulated;
        Running += result.Elapsed;
        Operations += result.Operations;
        Answered += result.Answered;
        Faults += result.Faults;
        Committed += (long)result.Committed;
        Parcels += result.Parcels;
        Sum(faults, result.FaultCounts);
        Sum(rareEvents, result.RareEventCounts);
        Sum(probes, result.ProbeCounts);
        if (result.Violation is not null)
        {
            Failures.Add(result);
            return;
        }

        LeastOperations = Math.Min(LeastOperations, result.Operations);
        LeastFaults = Math.Min(LeastFaults, result.Faults);
        LeastSimulated = result.Simulated < LeastSimulated ? result.Simulated : LeastSimulated;
    }

    public void Print(TextWriter output)
    {
        output.WriteLine($"{Seeds} seeds in {Elapsed.TotalSeconds:0.0} s ({Running.TotalSeconds / Math.Max(1, Seeds):0.000} s each); {RanTwice} run twice");
        output.WriteLine($"  simulated: {Simulated.TotalHours:0.0} h, {Simulated / Elapsed:0} x real time ({Simulated / Running:0} x each); least in a clean run {LeastSimulated.TotalMinutes:0.0} min");
        output.WriteLine($"  client operations: {Operations}, answered {Answered}; least in a clean run {LeastOperations}");
        output.WriteLine($"  entries committed: {Committed}; parcels: {Parcels}");
        output.WriteLine($"  faults: {Faults}; least in a clean run {LeastFaults}");
        RunReport.PrintCounts<FaultKind>("faults", faults, output);
        RunReport.PrintCounts<RareEvent>("rare events", rareEvents, output);
        RunReport.PrintCounts<RaftProbe>("branches of the core", probes, output);
        foreach (var check in Failures.GroupBy(static failure => failure.Violation!.Check))
        {
            output.WriteLine($"  {check.Key}: seeds {string.Join(' ', check.Select(static failure => failure.Seed).Order())}");
        }

        output.WriteLine(IsClean ? "NO VIOLATION" : $"{Failures.Count} VIOLATIONS, {NotRepeated.Count} seeds not repeated");
    }

    private static void Sum(long[] sums, IReadOnlyList<long> counts)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += counts[i];
        }
    }
}
