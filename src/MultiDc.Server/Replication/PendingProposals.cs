using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Replication;

/// <summary>
/// The proposals whose fate is open. A proposal is settled by the entry that is applied at its index: its own, or another, which proves
/// that it never will be. Losing the leadership settles nothing.
/// </summary>
internal sealed class PendingProposals
{
    private readonly Dictionary<ulong, ProposeRequest> byIndex = [];

    public int Count => byIndex.Count;

    public void Add(ProposeRequest request)
    {
        var id = request.ProposedAs!.Value;

        // A request may still wait here from an earlier term, at an index that the log has lost meanwhile and now gives out again. That it
        // was lost from this log does not prove that it is lost everywhere.
        if (byIndex.Remove(id.Index.Value, out var before))
        {
            before.Complete(new(new Unknown("the leadership was lost before the write was committed")));
        }

        byIndex.Add(id.Index.Value, request);
    }

    public void Settle(LogEntry applied, ApplyResult result)
    {
        if (byIndex.Remove(applied.Index.Value, out var request))
        {
            request.Complete(request.ProposedAs == applied.Id
                ? result
                : new(new Rejected(RejectionReason.NotLeader, "another leader's entry took the write's place in the log")));
        }
    }

    /// <summary>A snapshot took the place of entries up to here, so what became of them is not known.</summary>
    public void ForgetUpTo(LogIndex index)
    {
        foreach (var (at, request) in InOrder().Where(one => one.Key <= index.Value))
        {
            byIndex.Remove(at);
            request.Complete(new(new Unknown("the replica caught up by a snapshot and did not see what became of the write")));
        }
    }

    public void AbandonAll(PumpStop stop)
    {
        foreach (var (_, request) in InOrder())
        {
            request.Abandon(stop);
        }

        byIndex.Clear();
    }

    private KeyValuePair<ulong, ProposeRequest>[] InOrder() => [.. byIndex.OrderBy(static one => one.Key)];
}
