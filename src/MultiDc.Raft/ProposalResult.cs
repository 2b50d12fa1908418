namespace MultiDc.Raft;

/// <summary>Why a proposal or read was not taken. It did not happen and never will.</summary>
public enum ProposalRefusal
{
    /// <summary>Taken.</summary>
    None,

    /// <summary>This replica is not the leader; <see cref="RaftNode.Leader"/> names the one it knows.</summary>
    NotLeader,

    /// <summary>Too much is uncommitted or waiting already.</summary>
    Overloaded,

    /// <summary>Leadership is being handed over (§3.10).</summary>
    TransferInProgress,

    /// <summary>
    /// A read came before the leader committed an entry of its own term (§6.4), so it does not know yet what is committed. The host may
    /// hold the read back and ask again after its next <see cref="Ready"/>.
    /// </summary>
    TermNotCommitted,

    /// <summary>An earlier configuration change is not committed, or a joint configuration not left (§4.1: one at a time).</summary>
    ConfigurationInProgress,

    /// <summary>The change breaks a rule; <see cref="ProposalResult.Detail"/> says which.</summary>
    ConfigurationInvalid,

    /// <summary>A replica that would vote holds too little of the log as yet (§4.2.1); <see cref="ProposalResult.Detail"/> names it.</summary>
    NotCaughtUp,
}

/// <summary>The answer to <see cref="RaftNode.Propose"/> and to <see cref="RaftNode.ProposeConfiguration"/>.</summary>
/// <param name="Refusal">Why not, or <see cref="ProposalRefusal.None"/>.</param>
/// <param name="Id">
/// When taken: where the entry stands in this leader's log. It is committed if and only if an entry with this very id is applied; when
/// another entry is applied at that index, it never will be.
/// </param>
/// <param name="Detail">Why not, in words, where the refusal alone does not say it.</param>
public readonly record struct ProposalResult(ProposalRefusal Refusal, EntryId Id, string? Detail = null)
{
    /// <summary>Whether the proposal entered the log.</summary>
    public bool Accepted => Refusal == ProposalRefusal.None;
}
