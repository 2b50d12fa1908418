using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>A fact of one replica that is another with us than the trace tells.</summary>
/// <param name="Replica">Whose.</param>
/// <param name="What">role, term, commit, configuration, vote, leader, voting, members or log.</param>
/// <param name="Told">What the trace tells.</param>
/// <param name="Ours">What our core has.</param>
/// <param name="Cause">The name of why it differs; null when no known cause explains it.</param>
internal readonly record struct Difference(ulong Replica, string What, string Told, string Ours, string? Cause = null)
{
    public override string ToString() => $"{Replica} {What}: told {Told}, ours {Ours}";
}

/// <summary>What became of one directive.</summary>
/// <param name="Directive">The directive.</param>
/// <param name="Facts">How many facts the trace had told that could be compared.</param>
/// <param name="Differences">Those that differ.</param>
internal sealed record ReplayedDirective(Directive Directive, int Facts, IReadOnlyList<Difference> Differences);

/// <summary>
/// Replays an interaction case by meaning: the same commands, and after each the same state of every replica as far as the trace has told it.
/// </summary>
internal sealed class InteractionReplay
{
    private readonly Trace trace = new();
    private readonly InteractionGroup group = new();
    private List<Difference> differences = [];
    private int facts;

    public static List<ReplayedDirective> Run(string path)
    {
        var replay = new InteractionReplay();
        return [.. CaseFile.Read(path).Select(replay.Run)];
    }

    private ReplayedDirective Run(Directive directive)
    {
        try
        {
            group.Execute(directive);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"{directive.Number} {directive}", failure);
        }

        trace.Read(directive);
        (facts, differences) = (0, []);
        foreach (var (id, told) in trace.Replicas.Where(told => told.Key <= (ulong)group.Replicas.Count))
        {
            Compare(id, told, group.Replicas[(int)id - 1]);
        }

        if (directive.Numbers is [var only, ..])
        {
            ComparePrinted(only, group.Replicas[(int)only - 1]);
        }

        return new ReplayedDirective(directive, facts, [.. differences.Select(it => it with { Cause = DifferenceCauses.Explain(it, trace, group) })]);
    }

    private void Compare(ulong id, ToldState told, InteractionReplica replica)
    {
        var core = replica.Core;
        Fact(id, "role", told.Role?.ToString(), core.Role.ToString());
        Fact(id, "term", told.Term?.ToString(), core.Term.ToString());
        Fact(id, "commit", told.Commit.Certain?.ToString(), core.Commit.ToString());
        Fact(id, "configuration", told.Configuration, core.Configuration.ToString());
        Fact(id, "vote", told.Vote.Certain?.ToString(), replica.Vote.ToString());
        Fact(id, "leader", told.Leader.Certain?.ToString(), core.Leader.ToString());
        if (trace.Voting.TryGetValue(id, out var votes))
        {
            Fact(id, "voting", votes.ToString(), core.Configuration.IsVoter(replica.Id).ToString());
        }
    }

    /// <summary>What the command itself printed about the replica it names.</summary>
    private void ComparePrinted(ulong id, InteractionReplica replica)
    {
        if (trace.Log is { } log)
        {
            Fact(id, "log", string.Join(", ", log), Print(replica.Log, log));
        }

        if (trace.Followed.Count > 0)
        {
            var configuration = replica.Core.Configuration;
            var ours = configuration.Members.Select(member => $"{member}{(configuration.IsLearner(member) ? " learner" : "")}");
            var theirs = trace.Followed.Select(member => $"{member.Key}{(member.Value ? " learner" : "")}");
            Fact(id, "members", string.Join(", ", theirs), string.Join(", ", ours));
        }
    }

    private void Fact(ulong id, string what, string? told, string ours)
    {
        facts += told is null ? 0 : 1;
        if (told is not null && told != ours)
        {
            differences.Add(new Difference(id, what, told, ours));
        }
    }

    /// <summary>A configuration entry of ours holds the result, theirs the changes; so of one of theirs only the place and the kind count.</summary>
    private static string Print(List<LogEntry> log, List<string> told) => string.Join(", ", log.Select((entry, at) =>
        entry.Kind != EntryKind.Configuration ? $"{entry.Id} EntryNormal \"{Escaped(entry.Payload)}\""
        : at < told.Count && told[at].StartsWith($"{entry.Id} EntryConfChange", StringComparison.Ordinal) ? told[at]
        : $"{entry.Id} configuration"));

    private static string Escaped(ReadOnlyMemory<byte> payload) =>
        Encoding.UTF8.GetString(payload.Span).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
