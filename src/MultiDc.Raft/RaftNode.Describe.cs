namespace MultiDc.Raft;

/// <summary>Looking inside.</summary>
public sealed partial class RaftNode
{
    /// <summary>The state in words: role, term, vote, leader, indices, and each follower as the leader sees it.</summary>
    public string Describe()
    {
        var lines = new List<string>
        {
            $"{Id} {Role} term={Term} vote={votedFor} leader={Leader}"
                + $" commit={Commit} applied={Applied} last={LastEntry} compacted={CompactedTo}"
                + (quietTicksLeft > 0 ? $" quiet={quietTicksLeft}" : "")
                + (IsQuiesced ? " quiesced" : "")
                + (transferTarget.IsNone ? "" : $" transfer={transferTarget}"),
        };
        lines.AddRange(followers.Select(follower => $"  {follower.Key}: {follower.Value}"));
        return string.Join('\n', lines);
    }

    /// <summary>The log, for checks from outside that follow every replica's entries.</summary>
    internal RaftLog Log => log;

    /// <summary>The other members as this leader sees them; none while it does not lead.</summary>
    internal IReadOnlyDictionary<ReplicaId, Progress> Followers => followers;

    /// <summary>What must hold between any two calls. Tests ask after every input.</summary>
    internal void Check()
    {
        log.Check();
        Invariant.Require(Applied <= appliedOffered && appliedOffered <= Commit, "applied ≤ offered for applying ≤ commit");
        Invariant.Require(Commit <= log.Last.Index, "commit ≤ last");
        var installs = snapshotToInstall is not null || advanceAppliedTo is not null;
        Invariant.Require(installs || log.CompactedTo.Index <= Applied, "compacted ≤ applied");
        Invariant.Require(log.Last.Term <= Term, "no entry is newer than the term");
        Invariant.Require(Term >= hardStateOffered.Term && Commit >= hardStateOffered.Commit, "hard state never goes back");
        Invariant.Require((Role == RaftRole.Leader) == (Leader == Id), "who leads knows it");
        var others = Configuration.Members.Where(member => member != Id);
        Invariant.Require(Role != RaftRole.Leader || followers.Keys.SequenceEqual(others), "a leader sees every other member");
        Invariant.Require(Role == RaftRole.Follower || !Configuration.IsWitness(Id), "a witness never stands for election");
        var leadsNothing = followers.Count == 0 && readsPending == 0 && transferTarget.IsNone;
        Invariant.Require(Role == RaftRole.Leader || leadsNothing, "only a leader leads");
        Invariant.Require(Role is RaftRole.Follower or RaftRole.PreCandidate || votedFor == Id, "who stands votes for itself");
        Invariant.Require(readsPending == readsWaiting.Count + readRounds.Sum(reads => reads.Reads.Length), "reads are counted");
        Invariant.Require(!IsQuiesced || (Applied == log.Last.Index && !Leader.IsNone && !heartbeatDue), "only what is idle is quiesced");
        var bytes = log.BytesBetween(Commit, log.Last.Index);
        Invariant.Require(Role != RaftRole.Leader || uncommittedBytes == bytes, "uncommitted bytes are counted");
        foreach (var follower in followers.Values)
        {
            follower.Check();
            Invariant.Require(follower.Match <= log.Last.Index && follower.Next <= log.Last.Index.Next(), "followers are not ahead");
        }
    }
}
