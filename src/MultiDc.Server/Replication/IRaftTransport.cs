namespace MultiDc.Server.Replication;

/// <summary>Sends Raft messages: fire and forget, in no order, perhaps twice, perhaps never.</summary>
internal interface IRaftTransport
{
    /// <summary>Sends messages that are all for other replicas of the sender's group. Never blocks and never throws.</summary>
    void Send(ReplicaSender sender, IReadOnlyList<RaftMessage> messages);

    /// <summary>
    /// Sends one chunk of a snapshot and waits for the receiver's word, at most <paramref name="timeout"/>.
    /// </summary>
    Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout);
}

/// <summary>Who speaks, in terms that a receiver can check.</summary>
/// <param name="Address">The replica.</param>
/// <param name="StoreId">Its store.</param>
/// <param name="Epoch">Its opening.</param>
/// <param name="OpeningId">That opening's random name, under which it was presented.</param>
internal sealed record ReplicaSender(ReplicaAddress Address, Guid StoreId, Storage.Epoch Epoch, Guid OpeningId = default)
{
    /// <summary>How it calls itself, see <see cref="GroupMember.ToWire"/>.</summary>
    public ulong Member { get; init; }

    /// <summary>Where the members of its group stand; null: where they were founded.</summary>
    public GroupMembers? Members { get; init; }

    /// <summary>A frame for a replica; which of its datacenter's, its Raft id tells.</summary>
    /// <param name="to">The replica.</param>
    /// <param name="messages">Of these, the ones for it are in the frame.</param>
    public ReplicaFrame Frame(ReplicaId to, IReadOnlyList<RaftMessage> messages) =>
        new(Address.Shard, Address.Datacenter, StoreId, Epoch.Value, OpeningId, FrameMessages.Encode(messages, to))
        {
            Member = Member,
            ToOrdinal = GroupMembers.OrdinalOf(to) is > 1 and var ordinal ? ordinal : 0,
        };
}
