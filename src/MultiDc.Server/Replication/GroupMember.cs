namespace MultiDc.Server.Replication;

/// <summary>
/// One member of a shard's group. A datacenter's replica keeps its address when its store is replaced, but not its Raft id: the id of a
/// replacement belongs to its store, so what one store promised no other can break.
/// </summary>
/// <param name="Replica">The replica.</param>
/// <param name="Id">Its Raft id, see <see cref="GroupMembers"/>.</param>
internal readonly record struct GroupMember(ReplicaAddress Replica, ReplicaId Id)
{
    /// <summary>Whether it is as the group was founded.</summary>
    public bool IsFounder => Id == GroupMembers.IdOf(Replica.Datacenter);

    /// <summary>The member as the group was founded.</summary>
    public static implicit operator GroupMember(ReplicaAddress replica) => new(replica, GroupMembers.IdOf(replica.Datacenter));

    /// <summary>The member that says so of itself: 0 stands for the founder, also in messages of versions that know no other.</summary>
    /// <exception cref="ArgumentException">Nobody on that store has that id.</exception>
    public static GroupMember Of(ReplicaAddress replica, ulong member, Guid storeId) =>
        member == 0 ? replica
        : new ReplicaId(member) == GroupMembers.IdOf(replica.Datacenter, storeId) ? new GroupMember(replica, new ReplicaId(member))
        : throw new ArgumentException($"member {member} of replica {replica} is not on store {storeId}");

    /// <summary>How it calls itself in messages.</summary>
    public ulong ToWire() => IsFounder ? 0 : Id.Value;

    /// <summary>The name under which stores remember it.</summary>
    public override string ToString() => IsFounder ? Replica.ToString() : $"{Replica}#{Id.Value:x16}";
}
