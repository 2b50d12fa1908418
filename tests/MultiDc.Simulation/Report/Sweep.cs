namespace MultiDc.Simulation;

/// <summary>What to sweep over.</summary>
internal sealed record SweepOptions
{
    public required ulong First { get; init; }

    public required int Seeds { get; init; }

    /// <summary>No run begins after this much real time; null: no limit.</summary>
    public TimeSpan? Limit { get; init; }

    public int Jobs { get; init; } = 1;

    /// <summary>One seed in so many is run twice; zero: none.</summary>
    public int AgainOneIn { get; init; }

    /// <summary>No run begins after so many have failed; zero: no limit.</summary>
    public int MostFailures { get; init; }

    /// <summary>The folder for the conversations of runs that failed; null: they are not written.</summary>
    public string? Failures { get; init; }
}

/// <summary>Runs many seeds, each alone in its thread. A failure is told at once and the sweep goes on.</summary>
internal sealed class Sweep(SweepOptions options)
{
    private readonly Lock gate = new();
    private readonly long startedAt = System.Diagnostics.Stopwatch.GetTimestamp();
    private readonly SweepReport report = new();
    private int taken;

    public SweepReport Go(TextWriter output)
    {
        var threads = Enumerable.Range(0, options.Jobs).Select(_ => new Thread(() => Work(output))).ToArray();
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        report.Elapsed = Elapsed;
        return report;
    }

    private TimeSpan Elapsed => System.Diagnostics.Stopwatch.GetElapsedTime(startedAt);

    private void Work(TextWriter output)
    {
        while (TakeSeed() is { } seed)
        {
            var result = new SimulationRun(seed).Go();
            lock (gate)
            {
                report.Add(result);
            }

            if (result.Violation is not null)
            {
                TellFailure(result, output);
            }
            else if (options.AgainOneIn > 0 && seed % (ulong)options.AgainOneIn == 0)
            {
                RunAgain(result, output);
            }

            TellProgress(output);
        }
    }

    private ulong? TakeSeed()
    {
        lock (gate)
        {
            var goesOn = taken < options.Seeds
                && (options.Limit is not { } limit || Elapsed < limit)
                && (options.MostFailures == 0 || report.Failures.Count < options.MostFailures);
            return goesOn ? options.First + (ulong)taken++ : null;
        }
    }

    private void TellFailure(RunResult result, TextWriter output)
    {
        var path = options.Failures is null ? null : Path.Combine(options.Failures, $"seed-{result.Seed}.log");
        var replayed = path is null ? null : ConversationFile.Write(result.Seed, path);
        lock (gate)
        {
            RunReport.PrintViolation(result, output);
            if (path is not null)
            {
                output.WriteLine($"  the conversation: {path}");
            }

            if (replayed is not null && replayed.Digest != result.Digest)
            {
                output.WriteLine("  NOT REPEATED: the replay went another way: something in the run is not decided by its seed");
            }
        }
    }

    private void RunAgain(RunResult first, TextWriter output)
    {
        var second = new SimulationRun(first.Seed).Go();
        lock (gate)
        {
            report.RanTwice++;
            if (second.Digest != first.Digest)
            {
                report.NotRepeated.Add(first.Seed);
                output.WriteLine($"NOT REPEATED: seed {first.Seed} has digest {first.Digest:x16} and then {second.Digest:x16}: something in the run is not decided by its seed");
            }
        }
    }

    private void TellProgress(TextWriter output)
    {
        lock (gate)
        {
            if (report.Seeds % 500 == 0)
            {
                output.WriteLine($"{report.Seeds} seeds, {report.Failures.Count} failed, {Elapsed.TotalSeconds:0} s");
            }
        }
    }
}
