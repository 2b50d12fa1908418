using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>
/// How far the log is committed. An index is committed when (1) a majority of each half holds it (§3.6, §4.3); (2) in each half that has
/// witnesses, it is also held by every full voter that is not away, or a majority's number of those, and by one full voter in any case;
/// (3) in each half, full voters of <see cref="GroupConfiguration.MinCommitDatacenters"/> datacenters hold it, or of all that there are.
/// <para>
/// (2) and (3) only hold commits back that (1) would allow, so every argument about committed entries (Leader Completeness, §3.6.3) stands
/// as it is for plain majorities. What they add is about copies of the data.
/// </para>
/// <para>
/// <b>Witnesses</b> (Pâris, "Voting with Witnesses", 1986; Harp, Liskov et al. 1991; Cheap Paxos, Lamport and Massa 2004). A witness
/// stores durably term, vote and the id of each entry, with the whole payload of configuration entries, and acknowledges an append by the
/// very rules of a follower. The election restriction (§3.6.1) compares ids only, and Log Matching (§3.5) is about ids, so its vote and its
/// acknowledgement mean what a full voter's mean: a quorum that elects a leader meets the quorum that committed, and whoever they share,
/// witness or not, refuses a log without the committed id. A witness never stands for election, so whoever is elected is full, and a full
/// voter that holds an id holds its payload. Hence nothing committed is lost with any mixture of voters.
/// </para>
/// <para>
/// Fewer than a majority of each half are witnesses, so every commit has a full copy. One would do for safety and be worth little: the
/// leader and a witness alone could commit, and with the leader's datacenter gone the witness would rightly refuse every other full voter,
/// until that copy comes back. So the leader waits for all full voters that are not away, up to a majority, and no witness is told of an
/// entry before (<see cref="ReachedByFullVoters(Func{ReplicaId, LogIndex}, Func{ReplicaId, bool})"/>), or one that knows too much would
/// refuse them just as well. Suppose one datacenter is then lost, and what remains, without those that were away, is a majority of voters.
/// If all that were not away hold what a witness knows, any full one of the rest holds it; if a majority's number m of V voters hold it, at
/// most V−m are lost, and m−(V−m) ≥ 1 of the holders remain. So a full voter that has every acknowledged write can be elected. One that is
/// away does not count as holding, even if it does: it may not be there when it is needed. Away is who fell silent for an election timeout
/// (under this leader, or as the leader before it), whose process is said to be gone, or who needs a snapshot, until it has caught up again: the return of a datacenter must not stop all writes until its copy is complete. It
/// costs writes a pause of one election timeout when a full voter just falls silent, and one more round trip while a witness is needed, as in
/// Harp and Cheap Paxos.
/// </para>
/// <para>
/// <b>Datacenters.</b> With 3+2 voters a majority can sit in one datacenter, and its loss would take acknowledged writes with it. With (3)
/// each is held by a full voter elsewhere too. Votes are still counted by majority: after such a loss nobody is elected until the
/// datacenter returns or an operator intervenes, but the writes are there. A lost datacenter that (3) needs stops commits; it is not
/// counted as away, since that would be the moment at which the promise is worth something.
/// </para>
/// </summary>
internal readonly struct CommitQuorum(GroupConfiguration configuration)
{
    private readonly GroupConfiguration configuration = configuration;

    /// <summary>
    /// The greatest committed index; zero when there are no voters. It can fall when a voter comes back or the configuration changes: the
    /// caller's commit index does not. It can rise when a voter goes away: the caller asks again then.
    /// </summary>
    /// <param name="durable">Up to where a voter is known to hold the leader's log durably; for the leader itself, what it has flushed.</param>
    /// <param name="isAway">Whether a voter fell silent or needs a snapshot, and has not caught up since; never for the leader itself.</param>
    public LogIndex Reached(Func<ReplicaId, LogIndex> durable, Func<ReplicaId, bool> isAway)
    {
        if (configuration.Voters.IsEmpty)
        {
            return LogIndex.Zero;
        }

        var reached = ReachedIn(configuration.Voters, durable, isAway);
        return configuration.IsJoint ? Min(reached, ReachedIn(configuration.OutgoingVoters, durable, isAway)) : reached;
    }

    /// <summary>
    /// Up to where a witness may be told of the log: what satisfies (2) in each half that has witnesses. The same arguments as for
    /// <see cref="Reached"/>; without witnesses there is no limit.
    /// </summary>
    public LogIndex ReachedByFullVoters(Func<ReplicaId, LogIndex> durable, Func<ReplicaId, bool> isAway) => Min(
        ReachedByFullVotersOf(configuration.Voters, durable, isAway), ReachedByFullVotersOf(configuration.OutgoingVoters, durable, isAway));

    private LogIndex ReachedIn(ImmutableArray<ReplicaId> half, Func<ReplicaId, LogIndex> durable, Func<ReplicaId, bool> isAway)
    {
        var held = new MajorityQuorum(half).ReachedByMajority(durable);
        var reached = Min(held, ReachedByFullVotersOf(half, durable, isAway));
        return configuration.MinCommitDatacenters > 1 ? Min(reached, ReachedByDatacenters(half, durable)) : reached;
    }

    private LogIndex ReachedByFullVotersOf(ImmutableArray<ReplicaId> half, Func<ReplicaId, LogIndex> durable, Func<ReplicaId, bool> isAway)
    {
        if (configuration.Witnesses.IsEmpty || !half.Any(configuration.IsWitness))
        {
            return new LogIndex(ulong.MaxValue);
        }

        var present = FullVoters(half).Where(voter => !isAway(voter)).Select(durable).OrderDescending().ToArray();
        var majority = (half.Length / 2) + 1;
        return present.Length == 0 ? FullVoters(half).Select(durable).Max() : present[Math.Min(majority, present.Length) - 1];
    }

    private LogIndex ReachedByDatacenters(ImmutableArray<ReplicaId> half, Func<ReplicaId, LogIndex> durable)
    {
        var places = configuration.Datacenters;
        var reached = FullVoters(half).GroupBy(voter => places[voter], durable).Select(place => place.Max()).OrderDescending().ToArray();
        return reached[Math.Min(configuration.MinCommitDatacenters, reached.Length) - 1];
    }

    private IEnumerable<ReplicaId> FullVoters(ImmutableArray<ReplicaId> half)
    {
        var witnesses = configuration.Witnesses;
        return half.Where(voter => !witnesses.Contains(voter));
    }

    private static LogIndex Min(LogIndex left, LogIndex right) => left < right ? left : right;
}
