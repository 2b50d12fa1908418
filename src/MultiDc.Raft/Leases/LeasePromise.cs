namespace MultiDc.Raft;

/// <summary>What a follower tells with its answer to a heartbeat, so that the leader can count on it for a lease (§6.4.1).</summary>
/// <param name="Clock">Its monotonic clock between the arrival of the heartbeat and its answer.</param>
/// <param name="HeldNanoseconds">
/// For how long after that it gives no vote but in an election that its leader asked for, in nanoseconds of that clock; zero: no promise.
/// </param>
public readonly record struct LeasePromise(MonotonicTime Clock, long HeldNanoseconds)
{
    /// <summary>No promise, from a replica without <see cref="RaftNodeOptions.Lease"/>.</summary>
    public static readonly LeasePromise None;
}
