namespace MultiDc.Raft;

/// <summary>The rare branches of the core, see <see cref="IRaftProbes"/>. In memory only: the numbers may change.</summary>
public enum RaftProbe
{
    /// <summary>A request of an earlier term was answered with this replica's term, so that its sender steps down or catches up (§3.3).</summary>
    StaleTermAnswered,

    /// <summary>An answer of round 0, from a follower of a greater term, reached a leader of that very term and confirmed nothing.</summary>
    RoundZeroIgnored,

    /// <summary>A leader met a greater term and stepped down (§3.3).</summary>
    LeaderDeposedByTerm,

    /// <summary>A candidate or pre-candidate met the leader of its term and followed it (§3.4).</summary>
    CandidateMetLeader,

    /// <summary>A pre-vote was refused, because a leader was heard within an election timeout (§4.2.3, §9.6).</summary>
    PreVoteRefusedForStickiness,

    /// <summary>A pre-vote was refused by a replica that restarted less than an election timeout ago.</summary>
    PreVoteRefusedAfterRestart,

    /// <summary>A pre-vote was refused, because the asker's log is behind (§3.6.1).</summary>
    PreVoteRefusedForLog,

    /// <summary>Two pre-candidates met and this one stepped back.</summary>
    PreVoteTieYielded,

    /// <summary>A grant for an earlier pre-campaign came and was not counted.</summary>
    PreVoteOfEarlierCampaignIgnored,

    /// <summary>A vote request of a greater term was passed over, because a leader was heard within an election timeout (§4.2.3).</summary>
    VoteHeldBackForStickiness,

    /// <summary>A vote was held back by a replica that restarted less than an election timeout ago.</summary>
    VoteHeldBackAfterRestart,

    /// <summary>A vote was refused, because this replica voted for another in the term, or knows the term's leader (§3.4).</summary>
    VoteRefusedAsGiven,

    /// <summary>A vote was refused, because the candidate's log is behind (§3.6.1).</summary>
    VoteRefusedForLog,

    /// <summary>A vote was granted once more to the candidate that has it already: the first answer may be lost.</summary>
    VoteRepeated,

    /// <summary>An election could no longer be won.</summary>
    ElectionLost,

    /// <summary>An election was won.</summary>
    ElectionWon,

    /// <summary>A leader did not hear from a quorum for an election timeout and stepped down (check-quorum, §6.2).</summary>
    CheckQuorumSteppedDown,

    /// <summary>The target of a transfer held the whole log and was told to campaign (§3.10).</summary>
    TransferHandedOver,

    /// <summary>A transfer took longer than an election timeout and was given up (§3.10).</summary>
    TransferGivenUp,

    /// <summary>The target of a transfer did not campaign: no voter, or restarted less than an election timeout ago.</summary>
    TransferDeclined,

    /// <summary>A vote was given while a leader was heard, because that leader handed over (§3.10).</summary>
    TransferPassedStickiness,

    /// <summary>A quorum held an entry of an earlier term, which was not committed by counting (§3.6.2, figure 3.7).</summary>
    OldTermNotCommittedByCounting,

    /// <summary>A conflicting suffix of the log was removed (§3.5).</summary>
    ConflictingSuffixTruncated,

    /// <summary>An append that ends before the end of the log removed nothing, because all of it agreed (§3.5).</summary>
    StaleAppendKeptSuffix,

    /// <summary>An append began before the compacted part of the log and was taken from its end on.</summary>
    AppendBeforeCompaction,

    /// <summary>An append was rejected: the entry before it is missing or another (§3.5).</summary>
    AppendRejected,

    /// <summary>A leader's commit index was beyond what its append verified, and was taken only that far.</summary>
    CommitBeyondAppendWithheld,

    /// <summary>A rejection moved a leader back by more than one entry at once.</summary>
    RejectHintUsed,

    /// <summary>A rejection moved a leader back by one entry.</summary>
    AppendProbedOneBack,

    /// <summary>A rejection of an older append was ignored.</summary>
    StaleRejectionIgnored,

    /// <summary>An acceptance below what was known already was ignored.</summary>
    StaleAcceptanceIgnored,

    /// <summary>A pipelined append was rejected, since one before it was lost or overtaken; the leader probes again.</summary>
    PipelineBroken,

    /// <summary>A follower had as many unanswered appends as it may have.</summary>
    PipelineFull,

    /// <summary>A follower had as many bytes of unanswered appends as it may have.</summary>
    PipelineFullByBytes,

    /// <summary>A heartbeat was answered and an append before it was not: it is sent again.</summary>
    LostAppendResent,

    /// <summary>The host reported lost messages and the leader stopped pipelining.</summary>
    UnreachableProbed,

    /// <summary>A proposal was refused, because too many bytes are uncommitted.</summary>
    UncommittedFull,

    /// <summary>A proposal was refused, because the leadership is being handed over.</summary>
    ProposalDuringTransfer,

    /// <summary>A follower's next entry was compacted away and a snapshot asked for (§5).</summary>
    SnapshotNeeded,

    /// <summary>A follower's next entry was compacted away, but it was not heard from lately, and no snapshot asked for.</summary>
    SnapshotPutOff,

    /// <summary>A snapshot replaced the log (§5).</summary>
    SnapshotInstalled,

    /// <summary>A snapshot came that the log covers but had not known as committed (§5).</summary>
    SnapshotCoveredByLog,

    /// <summary>A snapshot came that is not beyond the commit index.</summary>
    StaleSnapshotIgnored,

    /// <summary>A stream of a snapshot failed.</summary>
    SnapshotFailed,

    /// <summary>A follower that needed a snapshot proved to hold the log after all, before the stream's end was reported.</summary>
    SnapshotOvertaken,

    /// <summary>A read came before the leader had committed an entry of its term (§6.4).</summary>
    ReadHeld,

    /// <summary>A read was refused, because too many wait.</summary>
    ReadsFull,

    /// <summary>A read was lost with the leadership.</summary>
    ReadLost,

    /// <summary>A vote or pre-vote was refused, because this replica never knew any configuration.</summary>
    VoteRefusedWithoutConfiguration,

    /// <summary>A configuration change was refused, because an earlier one is not committed or a joint configuration not left (§4.1).</summary>
    SecondConfigurationChangeRefused,

    /// <summary>A replica was refused a vote, because it has not caught up as a learner (§4.2.1).</summary>
    LearnerNotCaughtUp,

    /// <summary>A leader left a committed joint configuration by itself (§4.3).</summary>
    JointLeftByLeader,

    /// <summary>A leader stepped down, because a configuration in which it does not vote is committed (§4.2.2).</summary>
    RemovedLeaderSteppedDown,

    /// <summary>An appended configuration went out of force again with a truncated entry (§4.1).</summary>
    ConfigurationRolledBack,

    /// <summary>A witness was sent the metadata of a snapshot.</summary>
    WitnessSnapshotSent,

    /// <summary>A lease was asked for and held (§6.4.1).</summary>
    LeaseHeld,

    /// <summary>A lease was asked for and had run out, or too few clocks could be counted on (§6.4.1).</summary>
    LeaseNotHeld,

    /// <summary>A lease was asked for by a leader that is handing over, has done so in this term, or is outside its configuration (§6.4.1).</summary>
    LeaseForfeited,

    /// <summary>The clock of a follower provably drifted from the leader's, or jumped.</summary>
    ClocksDisagreed,

    /// <summary>A replica's own clock went back.</summary>
    OwnClockWentBack,

    /// <summary>All members had answered, and the leader fell silent.</summary>
    LeaderQuiesced,

    /// <summary>A follower fell silent.</summary>
    FollowerQuiesced,

    /// <summary>A follower was asked to fall silent and was not as far as the leader, restarted lately, or has the option off.</summary>
    QuiesceRequestNotFollowed,

    /// <summary>Not all members answered in time, and the leader went back to heartbeats.</summary>
    QuiescenceGivenUp,

    /// <summary>A quiesced replica woke.</summary>
    Woken,

    /// <summary>A leader began to hand over to a replica in a preferred datacenter (§3.10).</summary>
    MovedToPreferredLeader,

    /// <summary>A read was confirmed by the answers to a later round than its own (§6.4).</summary>
    ReadConfirmedByLaterRound,

    /// <summary>A follower was told that its leader is gone, and believed it.</summary>
    LeaderForgotten,

    /// <summary>A follower was left out without having been silent under this leader.</summary>
    FollowerLeftOut,
}
