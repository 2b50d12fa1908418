namespace MultiDc.Server.Replication;

/// <summary>
/// One member of a shard's group. A replica keeps its address when its store is replaced, but not its Raft id: the id of a
/// replacement belongs to its store, so what one store promised no other can break.
/// </summary>
/// <param name="Replica">The replica.</param>
/// <param name="Id">Its Raft id, see <see cref="GroupMembers"/>.</param>
internal readonly record struct GroupMember(ReplicaAddress Replica, ReplicaId Id)
{
    /// <summary>Whether it is as the group was founded.</summary>
    public bool IsFounder => Id == GroupMembers.IdOf(Replica.Place);

    /// <summary>The member as the group was founded.</summary>
    public static implicit operator GroupMember(ReplicaAddress replica) => new(replica, GroupMembers.IdOf(replica.Place));

    /// <summary>
    /// The member of a datacenter that calls itself so: 0 stands for the founder of the first replica there, also in messages of versions that know no other.
    /// </summary>
    public static GroupMember Of(ShardId shard, DatacenterId datacenter, ulong member) => member == 0
        ? new ReplicaAddress(shard, datacenter)
        : new GroupMember(new(shard, datacenter, GroupMembers.OrdinalOf(new(member))), new(member));

    /// <summary>The same, of a member on a store.</summary>
    /// <exception cref="ArgumentException">Nobody on that store has that id.</exception>
    public static GroupMember Of(ShardId shard, DatacenterId datacenter, ulong member, Guid storeId)
    {
        var named = Of(shard, datacenter, member);
        return named.IsFounder || named.Id == GroupMembers.IdOf(named.Replica.Place, storeId)
            ? named
            : throw new ArgumentException($"member {member} of replica {named.Replica} is not on store {storeId}");
    }

    /// <summary>How it calls itself in messages.</summary>
    public ulong ToWire() => IsFounder && Replica.Place.IsFirst ? 0 : Id.Value;

    /// <summary>The name under which stores remember it.</summary>
    public override string ToString() => IsFounder ? Replica.ToString() : $"{Replica}#{Id.Value:x16}";
}
