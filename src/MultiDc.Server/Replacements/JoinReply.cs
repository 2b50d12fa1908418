namespace MultiDc.Server.Replacements;

/// <summary>How a group took the request of a new home to become its member.</summary>
[GenerateSerializer, Alias("MultiDc.JoinOutcome")]
internal enum JoinOutcome
{
    /// <summary>The replica that was asked does not lead: ask the others.</summary>
    NotLeader,

    /// <summary>The next step is made, or waited for: ask again.</summary>
    UnderWay,

    /// <summary>It has its vote; nothing is left to do.</summary>
    Settled,

    /// <summary>The ring names another store as the home.</summary>
    NotTheHome,

    /// <summary>It would be a witness where the old one was none, or the other way round.</summary>
    Refused,
}

/// <summary>The answer to a new home that wants to join its group.</summary>
/// <param name="Outcome">How it was taken.</param>
/// <param name="IsMember">Whether the leader counts it among the members, if only as a learner.</param>
/// <param name="Detail">What is waited for.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.JoinReply")]
internal sealed record JoinReply([property: Id(0)] JoinOutcome Outcome, [property: Id(1)] bool IsMember, [property: Id(2)] string Detail);
