using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>How an election stands.</summary>
internal enum VoteResult
{
    /// <summary>Answers are missing that can decide it either way.</summary>
    Pending,

    /// <summary>A majority granted.</summary>
    Won,

    /// <summary>So many refused that no majority can grant any more.</summary>
    Lost,
}

/// <summary>
/// Decisions of a majority of voters (§3.3). Whoever asks for a decision asks a quorum, never counts itself: a joint quorum (§4.3) is
/// two of these that must both agree. Of no voters at all there is nobody to object: <see cref="JointQuorum"/> relies on it.
/// </summary>
internal readonly struct MajorityQuorum(ImmutableArray<ReplicaId> voters)
{
    private int Majority => voters.IsEmpty ? 0 : (voters.Length / 2) + 1;

    /// <summary>The result of the votes cast so far; votes of others than the voters do not count.</summary>
    public VoteResult Votes(IReadOnlyDictionary<ReplicaId, bool> votes)
    {
        var (granted, refused) = (0, 0);
        foreach (var voter in voters)
        {
            if (votes.TryGetValue(voter, out var grant))
            {
                (granted, refused) = grant ? (granted + 1, refused) : (granted, refused + 1);
            }
        }

        return granted >= Majority ? VoteResult.Won
            : refused > voters.Length - Majority ? VoteResult.Lost
            : VoteResult.Pending;
    }

    /// <summary>The greatest number that a majority of voters has reached: a commit index, or a ReadIndex round.</summary>
    public ulong ReachedByMajority(Func<ReplicaId, ulong> reached)
    {
        if (voters.IsEmpty)
        {
            return ulong.MaxValue;
        }

        Span<ulong> ascending = stackalloc ulong[voters.Length];
        for (var i = 0; i < voters.Length; i++)
        {
            ascending[i] = reached(voters[i]);
        }

        ascending.Sort();
        return ascending[voters.Length - Majority];
    }

    /// <summary>The same of indexes.</summary>
    public LogIndex ReachedByMajority(Func<ReplicaId, LogIndex> reached)
    {
        if (voters.IsEmpty)
        {
            return new(ulong.MaxValue);
        }

        Span<ulong> ascending = stackalloc ulong[voters.Length];
        for (var i = 0; i < voters.Length; i++)
        {
            ascending[i] = reached(voters[i]).Value;
        }

        ascending.Sort();
        return new(ascending[voters.Length - Majority]);
    }

    /// <summary>Whether a majority of voters satisfies the condition.</summary>
    public bool Is(Func<ReplicaId, bool> condition)
    {
        var satisfied = 0;
        foreach (var voter in voters)
        {
            satisfied += condition(voter) ? 1 : 0;
        }

        return satisfied >= Majority;
    }
}
