namespace MultiDc.Server.Openings;

/// <summary>
/// What a new opening of a replica says of itself to the other replicas of its group before it takes part: what its store had when it was
/// opened. It stays the same for the life of the opening, however often and to whomever it is told.
/// </summary>
/// <param name="StoreId">The store.</param>
/// <param name="Epoch">The opening's number in that store: no two openings of a store that forgot nothing have the same.</param>
/// <param name="OpeningId">Random: tells two openings apart that have the same number after all.</param>
/// <param name="Term">The durable term.</param>
/// <param name="VotedFor">The <see cref="ReplicaId"/> it voted for in that term; 0: nobody.</param>
/// <param name="LastTerm">The term of the last entry of its log.</param>
/// <param name="LastIndex">The index of that entry.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Presentation")]
internal sealed record Presentation(
    [property: Id(0)] Guid StoreId, [property: Id(1)] ulong Epoch, [property: Id(2)] Guid OpeningId, [property: Id(3)] ulong Term,
    [property: Id(4)] ulong VotedFor, [property: Id(5)] ulong LastTerm, [property: Id(6)] ulong LastIndex)
{
    /// <summary>The replica's Raft id; 0: the founder's of the datacenter's first replica.</summary>
    [Id(7)]
    public ulong Member { get; init; }

    public static Presentation Of(Guid storeId, Storage.Epoch epoch, Guid openingId, RaftRecovery recovered)
    {
        var last = recovered.Entries.Count > 0 ? recovered.Entries[^1].Id : recovered.Snapshot.LastIncluded;
        return new(storeId, epoch.Value, openingId, recovered.HardState.Term.Value, recovered.HardState.VotedFor.Value, last.Term.Value, last.Index.Value);
    }
}

/// <summary>What another replica says to a <see cref="Presentation"/>.</summary>
[GenerateSerializer, Alias("MultiDc.PresentationVerdict")]
internal enum PresentationVerdict
{
    /// <summary>It contradicts nothing that is remembered. From now on this opening is listened to, and no earlier one.</summary>
    Accepted,

    /// <summary>
    /// A later opening is known. Either this one is a forerunner that came late, or its store has forgotten the later one: only the store
    /// itself can tell which.
    /// </summary>
    Superseded,

    /// <summary>The store has forgotten what it had said. It is not listened to again.</summary>
    RolledBack,

    /// <summary>The replica's home is another store.</summary>
    NotTheHome,

    /// <summary>
    /// Never said, but made of what is said by a store that is not the home of its replica as the asking store knows it: one of the two is
    /// of another system, or was exchanged.
    /// </summary>
    Foreign,

    /// <summary>The answering replica knows the group without it: it was replaced, or was not added yet, as the ring can tell.</summary>
    NotAMember,
}

/// <summary>The answer to a <see cref="Presentation"/>.</summary>
/// <param name="StoreId">The answering replica's own store.</param>
/// <param name="Verdict">What it says.</param>
/// <param name="Detail">Why, unless accepted.</param>
/// <param name="Leader">The leader that the answering replica follows now: its word is wanted as well.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.PresentationReply")]
internal sealed record PresentationReply(
    [property: Id(0)] Guid StoreId, [property: Id(1)] PresentationVerdict Verdict, [property: Id(2)] string Detail, [property: Id(3)] DatacenterId? Leader)
{
    /// <summary>The answering replica's Raft id; 0: the founder's of the datacenter's first replica.</summary>
    [Id(4)]
    public ulong Member { get; init; }

    /// <summary>Whether it has no vote yet: it has not heard enough for its word to count.</summary>
    [Id(5)]
    public bool IsNewcomer { get; init; }

    /// <summary>Which of its datacenter's replicas <see cref="Leader"/> is; 0: the first.</summary>
    [Id(6)]
    public int LeaderOrdinal { get; init; }

    /// <summary>Where the leader is that the answering replica follows now.</summary>
    public ReplicaPlace? LeaderPlace => Leader is { } leader ? new(leader, Math.Max(1, LeaderOrdinal)) : null;
}
