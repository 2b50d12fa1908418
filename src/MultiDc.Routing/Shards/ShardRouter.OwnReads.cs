namespace MultiDc.Routing.Shards;

/// <summary>Reads that the own datacenter's replica serves if it can, and that must be as new as something.</summary>
public sealed partial class ShardRouter
{
    /// <summary>
    /// Reads one key from a replica that has got at least as far as a revision: the own datacenter's, then the leader, then the others; if none has in time, linearizably.
    /// </summary>
    /// <param name="shard">The shard that holds the key.</param>
    /// <param name="replicas">Where its replicas are.</param>
    /// <param name="key">The key.</param>
    /// <param name="minimum">The revision; null: it is not known, and only a linearizable read will do.</param>
    /// <param name="timeout">The caller's patience.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ReadResult> ReadAtLeastAsync(
        ShardId shard, IReadOnlyList<ReplicaPlace> replicas, ReadOnlyMemory<byte> key, Revision? minimum, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        var request = NewNearRequest(shard, replicas, timeout, cancellationToken);
        var atLeast = options.UnsafeReadsWithoutSession ? default(Revision) : minimum;
        ReadRejected? last = null;
        for (var asked = 0; atLeast is { } wanted && asked < replicas.Count && request.Remaining > TimeSpan.Zero; asked++)
        {
            var result = await request.AttemptAsync<ReadResult>(
                (grain, patience) => grain.ReadAtLeastAsync(new(key, wanted, patience < options.SessionReadWait ? patience : options.SessionReadWait)),
                static detail => new ReadRejected(RejectionReason.Unavailable, detail),
                static detail => new ReadRejected(RejectionReason.Unavailable, detail)).ConfigureAwait(false);
            if (result is ReadServed served && served.Revision.Value >= wanted.Value)
            {
                request.Served();
                return served with { Level = ReadLevelKind.Session };
            }

            last = result as ReadRejected ?? new ReadRejected(RejectionReason.TooStale, $"a replica of shard {shard} answered with what is older than revision {wanted}");
            if (last.Reason is RejectionReason.InvalidArgument or RejectionReason.UnknownKeyspace
                || !await request.PrepareNextAsync(last.Reason == RejectionReason.Overloaded ? AttemptAction.BackOff : AttemptAction.TryNext, last.LeaderPlace).ConfigureAwait(false))
            {
                return last;
            }
        }

        var fresh = await ReadAsync(shard, replicas, key, request.Remaining, cancellationToken).ConfigureAwait(false);
        return fresh is ReadServed { Revision: var newest } && newest.Value < atLeast.GetValueOrDefault().Value
            ? new ReadRejected(RejectionReason.InvalidArgument, $"shard {shard} is at revision {newest}, and the session has seen {atLeast}: its token is from another system, or made up")
            : fresh is ReadRejected { Reason: RejectionReason.Unavailable } && last is { Reason: RejectionReason.TooStale } ? last
            : fresh;
    }

    /// <summary>
    /// Reads one key, linearizably, from a replica of the own datacenter, if that learns in time how far it must have got; otherwise from the leader.
    /// </summary>
    /// <param name="shard">The shard that holds the key.</param>
    /// <param name="replicas">Where its replicas are that may lead.</param>
    /// <param name="key">The key.</param>
    /// <param name="timeout">The caller's patience.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ReadResult> ReadByFollowerAsync(
        ShardId shard, IReadOnlyList<ReplicaPlace> replicas, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        var left = timeout;
        ReplicaPlace[] own = [.. replicas.Where(replica => replica.Datacenter == links.Local)];
        if (own.Length > 0 && IsUp(links.Local))
        {
            var request = NewNearRequest(shard, own, timeout, cancellationToken);
            var result = await request.AttemptAsync<ReadResult>(
                (grain, patience) => grain.ReadByFollowerAsync(new(key, patience)),
                static detail => new ReadRejected(RejectionReason.Unavailable, detail),
                static detail => new ReadRejected(RejectionReason.Unavailable, detail)).ConfigureAwait(false);
            if (result is ReadServed or ReadRejected { Reason: RejectionReason.InvalidArgument or RejectionReason.UnknownKeyspace })
            {
                request.Served();
                return result;
            }

            // The next read asks another one there, if there is one.
            request.Failed();
            left = request.Remaining;
        }

        return await ReadAsync(shard, replicas, key, left, cancellationToken).ConfigureAwait(false);
    }
}
