using System.Text;

namespace MultiDc.Grains;

/// <summary>
/// A fencing token on a write. The shard that takes the write remembers the greatest token it has seen under the guard's name, in its log like everything
/// else, and refuses writes with a lesser one as <see cref="RejectionReason.FencingTokenStale"/>: whoever held a lock, was paused and comes back, changes
/// nothing once a later holder has written. Take tokens that grow from holder to holder, such as the create revision of a lock's key.
/// </summary>
/// <remarks>
/// Each shard remembers for itself: a shard that the later holder has not written to yet has not heard of its token, and takes the earlier one's writes. Give all that one lock protects the
/// same <c>{tag}</c> (see <see cref="Ring.HashRange.PartitionOf"/>), and let a new holder's first write carry its guard. A token is remembered once a write with it was in the log, whether or not
/// the write itself was then refused for another reason. Nothing is forgotten by itself, or the protection would end unseen: a shard remembers
/// <see cref="MaxGuardsOfShard"/> names, and refuses further ones as <see cref="RejectionReason.LimitReached"/> until <see cref="ForgetGuardOperation"/> makes room.
/// </remarks>
/// <param name="Name">What is guarded, often the lock's name: 1 to <see cref="MaxNameBytes"/> bytes of UTF-8.</param>
/// <param name="Token">The holder's token.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Guard")]
public sealed record Guard([property: Id(0)] string Name, [property: Id(1)] ulong Token)
{
    /// <summary>The most bytes of a name.</summary>
    public const int MaxNameBytes = 128;

    /// <summary>The most names that a shard remembers. Part of the replicated contract.</summary>
    public const int MaxGuardsOfShard = 65_536;

    /// <summary>Says what is wrong with the guard, or null.</summary>
    public string? DescribeProblem() => Name is null ? "the guard has no name" : Encoding.UTF8.GetByteCount(Name) switch
    {
        0 => "the guard's name is empty",
        > MaxNameBytes and var bytes => $"the guard's name has {bytes} bytes; at most {MaxNameBytes} are allowed",
        _ => null,
    };
}

/// <summary>
/// Forgets the guard that it carries, if its token is not stale: its name may then be used with any token again. Only for names that nobody writes under any more.
/// </summary>
/// <param name="Key">Any key of the shard, which says which shard forgets; the key itself is not touched.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ForgetGuardOperation")]
public sealed record ForgetGuardOperation(ReadOnlyMemory<byte> Key) : WriteOperation(Key);
