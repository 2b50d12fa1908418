using MultiDc.Host.Output;

namespace MultiDc.Host.Drills.Watching;

/// <summary>A watcher in figures.</summary>
internal sealed record StreamFigures(string Name, long Events, int Resumed)
{
    public static StreamFigures Of(ToldStream stream) => new(stream.Name, stream.Events.Sum(static events => (long)events.Length), stream.Resumed);
}

/// <summary>What the drill of watches under churn came to.</summary>
internal sealed class ChurnReport : IDrillReport
{
    public required ChurnOptions Options { get; init; }

    public required int Shards { get; init; }

    /// <summary>How often a leader was made to hand over and did.</summary>
    public required int LeaderChanges { get; init; }

    /// <summary>All changes of term, those after kills with them.</summary>
    public required ulong Elections { get; init; }

    /// <summary>Silos that ended themselves and were started again.</summary>
    public required IReadOnlyList<string> Restarted { get; init; }

    /// <summary>When the churn began, since the drill did.</summary>
    public required TimeSpan From { get; init; }

    /// <summary>When it ended.</summary>
    public required TimeSpan To { get; init; }

    public required IReadOnlyList<ChurnWrites> Writes { get; init; }

    public required IReadOnlyList<StreamFigures> Streams { get; init; }

    public required StreamComparison Differences { get; init; }

    /// <summary>Acknowledged in each second of the churn.</summary>
    public IReadOnlyList<long> AppliedBySecond
    {
        get
        {
            var bySecond = Writes.SelectMany(static writes => writes.AppliedBySecond).GroupBy(static second => second[0]).ToDictionary(static second => second.Key, static second => second.Sum(static each => each[1]));
            return [.. Enumerable.Range((int)From.TotalSeconds + 1, Math.Max((int)To.TotalSeconds - (int)From.TotalSeconds - 1, 1)).Select(second => bySecond.GetValueOrDefault(second))];
        }
    }

    public bool IsKept => Problems().Count == 0;

    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>(Differences.Differences);
        if (AppliedBySecond.Average() < Options.LeastRate)
        {
            problems.Add($"only {AppliedBySecond.Average():n0} writes a second were acknowledged, of {Options.LeastRate:n0}: the trial is too weak");
        }

        if (Writes.Sum(static writes => writes.Broken) is > 0 and var broken)
        {
            problems.Add($"{broken:n0} writes ended in an exception");
        }

        return problems;
    }

    public void Write(TextWriter output)
    {
        var applied = AppliedBySecond;
        output.WriteLine();
        output.WriteLine($"churn        {LeaderChanges} changes of leader and {Options.Kills} silos killed within {(To - From).TotalSeconds:0} s; {Elections} changes of term over {Shards} shards");
        if (Restarted.Count > 0)
        {
            output.WriteLine($"restarted    {string.Join(", ", Restarted)}: ended by themselves and were started again");
        }

        output.WriteLine($"writes       {applied.Average():n0}/s acknowledged on average while it lasted, {applied.Order().ElementAt(applied.Count / 20):n0}/s in the 5th percentile of seconds, {applied.Min():n0} in the worst; "
            + $"{Writes.Sum(static w => w.AppliedBySecond.Sum(static s => s[1])):n0} in all, {Writes.Sum(static w => w.Unknown):n0} unknown, {Writes.Sum(static w => w.Rejected):n0} rejected");
        foreach (var stream in Streams)
        {
            output.WriteLine($"watcher      {stream.Name}: {stream.Events:n0} events, resumed {stream.Resumed:n0} times");
        }

        output.WriteLine($"compared     {Differences.Compared:n0} events with the log: {(Differences.Differences.Count == 0 ? "the same, none missing, none twice" : $"{Differences.Differences.Count} DIFFERENCES")}");
        foreach (var problem in Problems().Take(10))
        {
            output.WriteLine($"problem      {problem}");
        }

        output.WriteLine(IsKept ? "VERDICT      no violation" : "VERDICT      VIOLATION");
    }

    public void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteString("drill", "watch-churn");
        json.WriteBoolean("kept", IsKept);
        json.WriteStartArray("problems");
        foreach (var problem in Problems())
        {
            json.WriteStringValue(problem);
        }

        json.WriteEndArray();
        json.WriteNumber("leaderChanges", LeaderChanges);
        json.WriteNumber("kills", Options.Kills);
        json.WriteNumber("elections", Elections);
        json.WriteNumber("seconds", Math.Round((To - From).TotalSeconds, 1));
        json.WriteNumber("writesPerSecond", Math.Round(AppliedBySecond.Average(), 1));
        json.WriteNumber("leastWritesInASecond", AppliedBySecond.Min());
        json.WriteNumber("writes", Writes.Sum(static writes => writes.AppliedBySecond.Sum(static second => second[1])));
        json.WriteNumber("unknown", Writes.Sum(static writes => writes.Unknown));
        json.WriteNumber("rejected", Writes.Sum(static writes => writes.Rejected));
        json.WriteNumber("comparedEvents", Differences.Compared);
        json.WriteNumber("differences", Differences.Differences.Count);
    });
}
