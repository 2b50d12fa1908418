namespace MultiDc.Simulation;

/// <summary>
/// Leader leases (§6.4.1): while a leader holds one, nobody is elected in a later term. Looked at when somebody is, by every other leader's own
/// clock at that very moment, also if its process stands still. Of two activations of one replica only the latest may count itself.
/// </summary>
internal sealed class LeaseExclusion(Violations violations)
{
    public void Elected(ReplicaProcess elected, Term term, IEnumerable<ReplicaProcess> processes)
    {
        foreach (var other in processes)
        {
            if (other != elected && other.Storage is { IsLatest: true } && other.Pump?.Node is { Role: RaftRole.Leader } node && node.Term < term)
            {
                var time = other.Replica.Clock;
                var now = new MonotonicTime((long)((Int128)time.GetTimestamp() * 1_000_000_000 / time.TimestampFrequency));
                if (node.LeaseHolds(now))
                {
                    violations.Report(nameof(LeaseExclusion), $"{elected} is elected in term {term} while {other} holds a lease in term {node.Term}");
                }
            }
        }
    }
}
