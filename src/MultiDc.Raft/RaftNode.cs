namespace MultiDc.Raft;

/// <summary>
/// One replica of one Raft group: the algorithm of Ongaro's dissertation as a deterministic, single-threaded object. Inputs are
/// <see cref="Tick"/>, <see cref="Step"/>, <see cref="Propose"/>, <see cref="ReadIndex"/>; the output is a <see cref="Ready"/>; after the
/// host has carried it out it calls <see cref="Advance"/>. The same inputs with the same random numbers give the same outputs.
/// </summary>
public sealed partial class RaftNode
{
    /// <summary>Starts a replica from what was durable.</summary>
    public RaftNode(RaftNodeOptions options, RaftRecovery recovery, IRandomSource random) => throw new NotImplementedException();

    /// <summary>This replica.</summary>
    public ReplicaId Id => throw new NotImplementedException();

    /// <summary>Its part now.</summary>
    public RaftRole Role => throw new NotImplementedException();

    /// <summary>Its term.</summary>
    public Term Term => throw new NotImplementedException();

    /// <summary>The leader it knows in this term; <see cref="ReplicaId.None"/> when unknown.</summary>
    public ReplicaId Leader => throw new NotImplementedException();

    /// <summary>The commit index.</summary>
    public LogIndex Commit => throw new NotImplementedException();

    /// <summary>The index up to which entries were handed out for applying and <see cref="Advance"/>d.</summary>
    public LogIndex Applied => throw new NotImplementedException();

    /// <summary>The last entry of the log, durable or not.</summary>
    public EntryId LastEntry => throw new NotImplementedException();

    /// <summary>The id up to which the log was compacted away.</summary>
    public EntryId CompactedTo => throw new NotImplementedException();

    /// <summary>The bytes of entries held in memory, which are all entries since <see cref="CompactedTo"/>.</summary>
    public long RetainedBytes => throw new NotImplementedException();

    /// <summary>The configuration in force.</summary>
    public GroupConfiguration Configuration => throw new NotImplementedException();

    /// <summary>One unit of time has passed.</summary>
    public void Tick() => throw new NotImplementedException();

    /// <summary>Takes a message. Messages for another replica or from a non-member are ignored.</summary>
    public void Step(RaftMessage message) => throw new NotImplementedException();

    /// <summary>Appends a command to the log if this replica leads.</summary>
    public ProposalResult Propose(ReadOnlyMemory<byte> payload) => throw new NotImplementedException();

    /// <summary>
    /// Asks for a linearizable read (§6.4). The id comes back in <see cref="Ready.ReadStates"/> after a quorum has confirmed the leadership
    /// in a round that began after this call, or in <see cref="Ready.ReadsLost"/>. All reads that wait share rounds.
    /// </summary>
    public ProposalRefusal ReadIndex(ReadRequestId id) => throw new NotImplementedException();

    /// <summary>Hands the leadership to a voter (§3.10); given up after one election timeout. False when this replica does not lead or the target is no voter.</summary>
    public bool TransferLeadership(ReplicaId to) => throw new NotImplementedException();

    /// <summary>Tells the leader that a snapshot stream ended; after a failure the follower is probed again and the snapshot asked for again if still needed.</summary>
    public void ReportSnapshot(ReplicaId to, bool delivered) => throw new NotImplementedException();

    /// <summary>Tells the leader that messages to a follower are being lost, so that it stops pipelining to it until it answers.</summary>
    public void ReportUnreachable(ReplicaId to) => throw new NotImplementedException();

    /// <summary>What the host must do next; false when there is nothing. Must be followed by <see cref="Advance"/> before it is called again.</summary>
    public bool TryGetReady(out Ready ready) => throw new NotImplementedException();

    /// <summary>The host has carried out the last <see cref="Ready"/>.</summary>
    public void Advance() => throw new NotImplementedException();

    /// <summary>The metadata of a snapshot of the state machine as it is at <paramref name="applied"/> (between <see cref="CompactedTo"/> and <see cref="Applied"/>).</summary>
    public SnapshotMetadata SnapshotAt(LogIndex applied) => throw new NotImplementedException();

    /// <summary>Forgets entries up to <paramref name="index"/>, which must be applied. The host compacts its store alongside.</summary>
    public void CompactTo(LogIndex index) => throw new NotImplementedException();
}
