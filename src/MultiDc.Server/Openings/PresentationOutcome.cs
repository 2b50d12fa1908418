namespace MultiDc.Server.Openings;

/// <summary>What the answers to a presentation amount to so far.</summary>
internal enum PresentationOutcome
{
    /// <summary>The opening does not take part yet.</summary>
    Waiting,

    /// <summary>It takes part.</summary>
    Accepted,

    /// <summary>It must never take part.</summary>
    Refused,
}

/// <summary>When an opening may take part: pure.</summary>
internal static class PresentationAnswers
{
    /// <summary>
    /// One that remembers better is enough to refuse. To accept it takes so many others that with the presented replica they are a majority,
    /// and among them whoever leads: a leader that is still followed has what the replica acknowledged last, and while it lives the group
    /// can do without this replica. The word of foreign stores does not count; if too few others are left, this store is the foreign one.
    /// </summary>
    public static (PresentationOutcome Outcome, string Detail) Judge(
        IReadOnlyCollection<ReplicaPlace> others, IReadOnlyDictionary<ReplicaPlace, PresentationReply> answers)
    {
        if (answers.Values.FirstOrDefault(static a => a.Verdict is PresentationVerdict.RolledBack or PresentationVerdict.NotTheHome) is { } refusal)
        {
            return (PresentationOutcome.Refused, refusal.Detail);
        }

        var needed = (others.Count + 1) / 2;
        var foreign = answers.Values.Where(static a => a.Verdict == PresentationVerdict.Foreign).ToArray();
        if (others.Count - foreign.Length < needed)
        {
            return (PresentationOutcome.Refused, $"this store is of another system: {foreign[0].Detail}");
        }

        var accepting = answers.Count(static a => a.Value is { Verdict: PresentationVerdict.Accepted, IsNewcomer: false });
        if (accepting < needed)
        {
            return (PresentationOutcome.Waiting, $"{accepting} of {others.Count} other replicas know this opening; {needed} are needed");
        }

        var unheard = others.Where(other =>
            answers.Values.Any(a => a.LeaderPlace == other) && !(answers.TryGetValue(other, out var own) && own.Verdict == PresentationVerdict.Accepted));
        return unheard.Cast<ReplicaPlace?>().FirstOrDefault() is { } leader
            ? (PresentationOutcome.Waiting, $"the leader in datacenter {leader} has not answered yet")
            : (PresentationOutcome.Accepted, "");
    }
}
