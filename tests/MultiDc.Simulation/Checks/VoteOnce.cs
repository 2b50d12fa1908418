namespace MultiDc.Simulation;

/// <summary>
/// A replica votes for at most one in a term, whatever crashes in between (§3.4, §3.8 "persistent state"). Seen from outside: by the votes
/// that it sends. Who stands has voted for itself.
/// </summary>
internal sealed class VoteOnce(Violations violations)
{
    private readonly Dictionary<(ReplicaId Voter, Term Term), ReplicaId> votes = [];

    public void Sending(ReplicaProcess process, RaftMessage message)
    {
        switch (message)
        {
            case VoteRequest request:
                Voted(process, request.Term, request.From);
                break;
            case VoteResponse { Granted: true } response:
                Voted(process, response.Term, response.To);
                break;
        }
    }

    private void Voted(ReplicaProcess process, Term term, ReplicaId candidate)
    {
        if (!votes.TryAdd((process.Replica.Id, term), candidate) && votes[(process.Replica.Id, term)] != candidate)
        {
            violations.Report(nameof(VoteOnce), $"{process} votes twice in term {term}");
        }
    }
}
