namespace MultiDc.Server.Openings;

/// <summary>
/// What a replica is known to have had on its disk, from what it said: it says nothing before that is durable, but for a leader's own entries. All is about the greatest
/// term it spoke in, because what it promised in a term it can have forgotten only by forgetting the terms after it too.
/// </summary>
/// <param name="Term">The greatest term it spoke in; its term never falls (dissertation §3.3).</param>
/// <param name="VotedFor">Whom it voted for in that term, which never changes (§3.4); 0: not known, or nobody.</param>
/// <param name="LastIndex">
/// The greatest index at which it held an entry of that very term; 0: none known. Entries of the term in which a leader writes are not
/// replaced in that term (§3.5), and only by them anything is committed (§3.6.2).
/// </param>
internal readonly record struct Promises(ulong Term, ulong VotedFor, ulong LastIndex)
{
    /// <summary>What a message proves of its sender.</summary>
    /// <param name="message">The message.</param>
    /// <param name="termAtMatch">
    /// For <see cref="AppendAccepted"/> and <see cref="HeartbeatRequest"/>: the term of the entry that is acknowledged, or called committed, as the receiver knows it.
    /// </param>
    public static Promises Of(RaftMessage message, Term? termAtMatch = null) => message switch
    {
        // These two speak of a term that nobody is in yet (§9.6).
        PreVoteRequest or PreVoteResponse { Granted: true } => default,
        VoteRequest vote => new(vote.Term.Value, vote.From.Value, 0),
        VoteResponse { Granted: true } vote => new(vote.Term.Value, vote.To.Value, 0),
        AppendAccepted accepted => Held(accepted.Term, termAtMatch, accepted.Match),

        // A leader commits nothing that it has not on its own disk, and calls committed to a follower only what that one holds, too.
        HeartbeatRequest heartbeat => Held(heartbeat.Term, termAtMatch, heartbeat.Commit),

        // The entries themselves may leave before the leader has them on its disk (Ready.MessagesWhilePersisting); what they follow is there.
        AppendRequest append => Held(append.Term, append.Previous.Term, append.Previous.Index),
        QuiesceRequest quiesce => Held(quiesce.Term, quiesce.Last.Term, quiesce.Last.Index),
        _ => new(message.Term.Value, 0, 0),
    };

    /// <summary>What is known when also <paramref name="other"/> is. In whatever order they came.</summary>
    public Promises And(Promises other) =>
        other.Term > Term ? other
        : other.Term < Term ? this
        : new(Term, VotedFor != 0 ? VotedFor : other.VotedFor, Math.Max(LastIndex, other.LastIndex));

    /// <summary>What the store that presents itself has forgotten; null when nothing that is known here.</summary>
    public string? DescribeForgotten(Presentation presented) =>
        presented.Term < Term ? $"it had spoken in term {Term}, its store knows of no term after {presented.Term}"
        : presented.Term > Term ? null
        : VotedFor != 0 && presented.VotedFor != VotedFor ? $"it had voted in term {Term}, its store does not know for whom"
        : LastIndex > 0 && (presented.LastTerm != Term || presented.LastIndex < LastIndex)
            ? $"it had the log up to {Term}/{LastIndex}, its store has it up to {presented.LastTerm}/{presented.LastIndex}"
        : null;

    private static Promises Held(Term spokenIn, Term? entryTerm, LogIndex index) => new(spokenIn.Value, 0, entryTerm == spokenIn ? index.Value : 0);
}
