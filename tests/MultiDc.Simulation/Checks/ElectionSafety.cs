namespace MultiDc.Simulation;

/// <summary>Election Safety (figure 3.2, §3.4; ElectionSafety in the TLA+ specification): at most one leader in a term.</summary>
internal sealed class ElectionSafety(Violations violations)
{
    private readonly Dictionary<Term, ReplicaProcess> leaders = [];

    public Term GreatestTerm { get; private set; }

    /// <summary>A replica leads in a term in which it was not seen to lead before.</summary>
    public void Leads(ReplicaProcess process, Term term)
    {
        if (!leaders.TryAdd(term, process) && leaders[term] != process)
        {
            violations.Report(nameof(ElectionSafety), $"{process} and {leaders[term]} both lead in term {term}");
        }

        GreatestTerm = term > GreatestTerm ? term : GreatestTerm;
    }
}
