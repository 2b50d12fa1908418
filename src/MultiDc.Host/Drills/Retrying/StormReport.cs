using MultiDc.Host.Output;

namespace MultiDc.Host.Drills.Retrying;

/// <summary>What the drill of a retry storm came to.</summary>
internal sealed class StormReport : IDrillReport
{
    /// <summary>A shard remembers so many sessions; the least recently used gives way.</summary>
    private const int MostSessions = 4_096;

    public required StormOptions Options { get; init; }

    public required TimeSpan Took { get; init; }

    /// <summary>What the counter was in the end.</summary>
    public required long Sum { get; init; }

    /// <summary>The sums that increments were answered with.</summary>
    public required IReadOnlyList<long> Answered { get; init; }

    /// <summary>Increments whose callers gave up: they may have happened.</summary>
    public required long Undecided { get; init; }

    public required long AnswersLost { get; init; }

    public required ulong Elections { get; init; }

    /// <summary>Of the shard that remembered most.</summary>
    public required int Sessions { get; init; }

    public bool IsKept => Problems().Count == 0;

    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        var sums = Answered.ToHashSet();
        if (sums.Count < Answered.Count)
        {
            problems.Add($"{Answered.Count - sums.Count:n0} increments were answered with another's sum");
        }

        if (Sum < Answered.Count || Sum > Answered.Count + Undecided)
        {
            problems.Add($"the counter is {Sum:n0} after {Answered.Count:n0} increments that were acknowledged and {Undecided:n0} that are undecided");
        }

        if (sums.Any(sum => sum < 1 || sum > Sum))
        {
            problems.Add("an increment was answered with a sum that the counter never had");
        }

        if (Answered.Count + Undecided != Options.Increments)
        {
            problems.Add($"{Answered.Count + Undecided:n0} of {Options.Increments:n0} increments came to something");
        }

        if (Sessions > MostSessions)
        {
            problems.Add($"{Sessions:n0} sessions are remembered, of at most {MostSessions:n0}");
        }

        return problems;
    }

    public void Write(TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"increments   {Answered.Count:n0} acknowledged, {Undecided:n0} undecided, {Answered.Count / Took.TotalSeconds:n0}/s; {AnswersLost:n0} answers were lost and asked for again");
        output.WriteLine($"counter      {Sum:n0}");
        output.WriteLine($"elections    {Elections}");
        output.WriteLine($"sessions     {Sessions:n0} remembered by the shard that remembers most, of at most {MostSessions:n0}");
        foreach (var problem in Problems())
        {
            output.WriteLine($"problem      {problem}");
        }

        output.WriteLine(IsKept ? "VERDICT      no violation" : "VERDICT      VIOLATION");
    }

    public void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteString("drill", "retry-storm");
        json.WriteBoolean("kept", IsKept);
        json.WriteStartArray("problems");
        foreach (var problem in Problems())
        {
            json.WriteStringValue(problem);
        }

        json.WriteEndArray();
        json.WriteNumber("acknowledged", Answered.Count);
        json.WriteNumber("undecided", Undecided);
        json.WriteNumber("answersLost", AnswersLost);
        json.WriteNumber("counter", Sum);
        json.WriteNumber("elections", Elections);
        json.WriteNumber("sessions", Sessions);
        json.WriteNumber("seconds", Math.Round(Took.TotalSeconds, 1));
    });
}
