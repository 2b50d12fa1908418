namespace MultiDc.Simulation;

/// <summary>
/// State Machine Safety where it matters to users (§3.6.3): only what is committed is applied, each entry once and in order, and the state
/// after an entry is the same on every replica, sessions and all (RELIABILITY: apply is a function of state and entry alone).
/// </summary>
internal sealed class StateAgreement(Violations violations, CommittedLog committed)
{
    private readonly List<ulong> hashes = [];

    public void Applied(ReplicaProcess process, StateTable state)
    {
        if (state.Applied > committed.Last)
        {
            violations.Report(nameof(StateAgreement), $"{process} applied {state.Applied}, and only {committed.Last} is committed");
        }

        while ((ulong)hashes.Count <= state.Applied)
        {
            hashes.Add(0);
        }

        // Zero: nobody's state was seen at this index yet.
        var hash = state.Hash == 0 ? 1 : state.Hash;
        var known = hashes[(int)state.Applied];
        if (known != 0 && known != hash)
        {
            violations.Report(nameof(StateAgreement), $"{process} has another state after {state.Applied} than others had");
        }

        hashes[(int)state.Applied] = hash;
    }
}
