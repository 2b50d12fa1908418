using MultiDc.Server.Openings;

namespace MultiDc.Simulation;

/// <summary>
/// What an opening presents to the other members is never less than what any of them ever heard the replica say, or they would refuse an
/// honest store for good. Wiped and damaged disks do not come back under their replica's id.
/// </summary>
internal sealed class NothingSaidIsForgotten(Violations violations)
{
    private readonly Dictionary<(int Listener, ReplicaId Speaker), Promises> heard = [];

    public void Heard(SimulatedReplica listener, RaftMessage message, Term? termAtMatch)
    {
        var key = (listener.Number, message.From);
        heard[key] = heard.GetValueOrDefault(key).And(Promises.Of(message, termAtMatch));
    }

    public void Opened(ReplicaProcess process, Presentation presented)
    {
        foreach (var (key, promises) in heard)
        {
            if (key.Speaker == process.Replica.Id && promises.DescribeForgotten(presented) is { } forgotten)
            {
                violations.Report(nameof(NothingSaidIsForgotten), $"{process} would be refused: {forgotten}");
            }
        }
    }
}
