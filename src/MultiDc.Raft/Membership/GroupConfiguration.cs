using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>Who belongs to a Raft group (§4). Voters are sorted by id and distinct, so that equal configurations print and compare alike.</summary>
public sealed class GroupConfiguration : IEquatable<GroupConfiguration>
{
    /// <summary>A configuration with these voters.</summary>
    /// <param name="voters">Replicas that vote and count towards commits, in any order; at least one, none twice.</param>
    public GroupConfiguration(IEnumerable<ReplicaId> voters)
    {
        Voters = [.. voters.Order()];
        Invariant.Require(Voters.Length > 0, "a group has at least one voter");
        for (var i = 0; i < Voters.Length; i++)
        {
            Invariant.Require(!Voters[i].IsNone && (i == 0 || Voters[i - 1] != Voters[i]), "voters are distinct and named");
        }
    }

    /// <summary>Replicas that vote and count towards commits, ascending.</summary>
    public ImmutableArray<ReplicaId> Voters { get; }

    /// <summary>Whether the replica votes.</summary>
    public bool IsVoter(ReplicaId id) => Voters.Contains(id);

    /// <inheritdoc/>
    public bool Equals(GroupConfiguration? other) => other is not null && Voters.AsSpan().SequenceEqual(other.Voters.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as GroupConfiguration);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var voter in Voters)
        {
            hash.Add(voter);
        }

        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public override string ToString() => $"voters=({string.Join(' ', Voters)})";
}
