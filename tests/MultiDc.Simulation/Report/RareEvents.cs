namespace MultiDc.Simulation;

/// <summary>What seldom happens, as the simulator sees it from outside. A sweep lists those that no run reached.</summary>
internal enum RareEvent
{
    /// <summary>A parcel arrived twice.</summary>
    ParcelDoubled,

    /// <summary>A parcel arrived long after it was sent.</summary>
    ParcelMinutesLate,

    /// <summary>Two replicas believed at once that they lead, in different terms.</summary>
    TwoLeadersAtOnce,

    /// <summary>A replica won an election.</summary>
    ElectionWon,

    /// <summary>A leader gave up because it heard nothing from a quorum, or saw a greater term.</summary>
    LeaderStoppedLeading,

    /// <summary>A follower cut a conflicting end off its log.</summary>
    ConflictingEndCutOff,

    /// <summary>Entries of an earlier term were committed by one of a later term (figure 3.7).</summary>
    EarlierTermCommittedByLater,

    /// <summary>A snapshot replaced a replica's log and state.</summary>
    SnapshotInstalled,

    /// <summary>A chunk of a snapshot was refused.</summary>
    SnapshotChunkRefused,

    /// <summary>A chunk of a snapshot was not answered in time.</summary>
    SnapshotChunkTimedOut,

    /// <summary>A log was compacted.</summary>
    LogCompacted,

    /// <summary>A frame of an older epoch, another store or another name was turned away.</summary>
    StrangerTurnedAway,

    /// <summary>A pump's inbox was full.</summary>
    InboxFull,

    /// <summary>A pump ended because a later activation had opened its store.</summary>
    ZombieFenced,

    /// <summary>A zombie believed that it led.</summary>
    ZombieLed,

    /// <summary>A pump ended because its disk failed.</summary>
    StoppedByFailedFlush,

    /// <summary>A pump ended because its disk was full.</summary>
    StoppedByFullDisk,

    /// <summary>The power went while writes waited, and some of them survived.</summary>
    UnacknowledgedWriteSurvived,

    /// <summary>The power went while writes waited, and some were lost.</summary>
    UnacknowledgedWriteLost,

    /// <summary>The leader lost its power while it had writes waiting.</summary>
    LeaderLostWrites,

    /// <summary>A replica would not open over a damaged record.</summary>
    CorruptedStoreRefused,

    /// <summary>A replica came back to an empty disk under its old name and was not founded again.</summary>
    WipedReplicaRefused,

    /// <summary>A client's write was answered by a retry of one that had been applied already.</summary>
    RetryAnsweredFromSession,

    /// <summary>A late copy of a write met a session that had gone on.</summary>
    LateCopyMetSession,

    /// <summary>A client does not know whether its write happened.</summary>
    OutcomeUnknown,

    /// <summary>A write was refused for good by all it asked.</summary>
    WriteFailed,

    /// <summary>A request was refused because a queue was full.</summary>
    RequestOverloaded,

    /// <summary>A read was refused because its replica lost the leadership while it waited.</summary>
    ReadLost,

    /// <summary>A leader handed its leadership over.</summary>
    TransferBegun,

    /// <summary>The replica that was to lead leads.</summary>
    TransferSucceeded,

    /// <summary>A replica was founded again from what others had, after all had crashed.</summary>
    WholeGroupRestarted,

    /// <summary>A change of the membership was committed.</summary>
    MembershipChanged,

    /// <summary>A change of the membership was refused for now.</summary>
    MembershipChangeRefused,

    /// <summary>A change of the membership was refused as one that can never be.</summary>
    MembershipChangeInvalid,

    /// <summary>It is not known whether a change of the membership happened.</summary>
    MembershipChangeUnknown,

    /// <summary>A joint configuration was in a log.</summary>
    JointEntered,

    /// <summary>A lost replica was removed from its group.</summary>
    LostReplicaRemoved,

    /// <summary>An uncommitted configuration was truncated away.</summary>
    ConfigurationTruncated,

    /// <summary>A replica fell silent with its idle group.</summary>
    FellSilent,

    /// <summary>A process went on after a pause in which another leader was elected.</summary>
    DeposedWhilePaused,
}

/// <summary>Counts them.</summary>
internal sealed class RareEvents
{
    private readonly long[] counts = new long[Enum.GetValues<RareEvent>().Length];

    public IReadOnlyList<long> Counts => counts;

    public void Hit(RareEvent rareEvent) => counts[(int)rareEvent]++;

    public void HitIf(bool happened, RareEvent rareEvent) => counts[(int)rareEvent] += happened ? 1 : 0;
}
