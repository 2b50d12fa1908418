namespace MultiDc.Raft.Tests;

/// <summary>
/// Where our core decides differently on purpose, as rules that also judge case files nobody has looked at. What each means and why is told
/// beside its name in <see cref="DifferenceTable"/>'s file. A rule is as narrow as it can be without knowing the file; for files that are in the
/// table, the table says exactly what differs.
/// </summary>
internal static class DifferenceCauses
{
    private static readonly (string Name, Func<Difference, Trace, InteractionGroup, bool> Explains)[] Rules =
    [
        ("refusals-are-spoken", IsRefusedPreCandidate),
        ("no-heartbeats-of-the-deposed", IsDeposedLeaderThatIsNotTold),
        ("old-leaders-are-told", IsToldOfNewerTerm),
        ("leaders-hold-on", (_, _, group) => group.Replicas.Any(replica => replica.HasHeldOn)),
        ("removed-at-once", IsLeftOutOfWhatFollows),
        ("removed-leaders-leave", HasRemovedLeader),
        ("changes-wait-for-the-term", (_, _, group) => group.HasWaitingChange),
        ("in-force-when-appended", IsChangeUnderWay),
        ("one-change-at-a-time", (_, _, group) => group.HasRefusedSecondChange),
    ];

    public static IEnumerable<string> Names => Rules.Select(rule => rule.Name);

    /// <summary>The name of the first cause that explains the difference; null when none does.</summary>
    public static string? Explain(Difference difference, Trace trace, InteractionGroup group) =>
        Array.Find(Rules, rule => rule.Explains(difference, trace, group)).Name;

    private static bool IsRefusedPreCandidate(Difference difference, Trace trace, InteractionGroup group) =>
        difference is { What: "role", Told: nameof(RaftRole.PreCandidate), Ours: nameof(RaftRole.Follower) }
        && Of(group, difference).Core.Leader.IsNone;

    private static bool IsDeposedLeaderThatIsNotTold(Difference difference, Trace trace, InteractionGroup group) =>
        trace.LostQuorum.Contains(difference.Replica)
        && difference.What is "term" or "vote"
        && trace.Replicas.Any(told => told.Key == difference.Replica && told.Value.Term > Of(group, difference).Core.Term.Value);

    private static bool IsToldOfNewerTerm(Difference difference, Trace trace, InteractionGroup group)
    {
        var core = Of(group, difference).Core;
        var told = trace.Replicas.Single(told => told.Key == difference.Replica).Value;
        return difference.What is "term" or "vote" or "role" or "leader"
            && told.Term < core.Term.Value
            && core.Role == RaftRole.Follower
            && trace.Replicas.Any(other => other.Value.Term == core.Term.Value);
    }

    private static bool IsLeftOutOfWhatFollows(Difference difference, Trace trace, InteractionGroup group)
    {
        var left = Of(group, difference);
        return group.Replicas.Any(other =>
            !other.Core.Configuration.Contains(left.Id)
            && left.Core.Configuration.Contains(other.Id)
            && other.Core.LastEntry != left.Core.LastEntry
            && other.Core.LastEntry.IsAtLeastAsUpToDateAs(left.Core.LastEntry));
    }

    private static bool HasRemovedLeader(Difference difference, Trace trace, InteractionGroup group) => trace.Replicas.Any(told =>
        told.Value.Role == RaftRole.Leader
        && group.Replicas[(int)told.Key - 1].Core is { Role: RaftRole.Follower } core
        && !core.Configuration.IsVoter(core.Id));

    /// <summary>
    /// A configuration is in force that is not applied, or theirs still has, or has again, one that ours has had. So quorums differ too, but
    /// not terms, nor what a log holds.
    /// </summary>
    private static bool IsChangeUnderWay(Difference difference, Trace trace, InteractionGroup group)
    {
        var known = group.Replicas.SelectMany(replica => replica.Configurations).Select(configuration => configuration.ToString()).ToHashSet();
        return difference.What == "configuration" ? known.Contains(difference.Told)
            : difference.What is not ("term" or "vote" or "log")
                && (group.Replicas.Any(replica => replica.IsChanging) || trace.Replicas.Any(IsBehind));

        bool IsBehind(KeyValuePair<ulong, ToldState> told) =>
            told.Value.Configuration is { } configuration
            && configuration != group.Replicas[(int)told.Key - 1].Core.Configuration.ToString()
            && known.Contains(configuration);
    }

    private static InteractionReplica Of(InteractionGroup group, Difference difference) => group.Replicas[(int)difference.Replica - 1];
}
