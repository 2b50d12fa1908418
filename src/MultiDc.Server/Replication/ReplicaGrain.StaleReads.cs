using MultiDc.Grains;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Replication;

/// <summary>Reads of this replica's own state, also when it does not lead and when it is cut off from its leader.</summary>
internal sealed partial class ReplicaGrain
{
    private static readonly TimeSpan ReadIndexPatience = TimeSpan.FromSeconds(1);

    private volatile StaleReader? staleReader;

    /// <summary>
    /// A pump with what is known of the age of its state. Another opening of the store may begin with a state that is older than this one's was: what is
    /// applied need not be durable.
    /// </summary>
    private sealed record StaleReader(ReplicaPump Pump, StateFreshness Freshness);

    public async Task<ReadResult> ReadStaleAsync(StaleReadRequest request)
    {
        var begunAt = time.GetTimestamp();
        if (KeyLimits.DescribeKeyProblem(request.Key.Span) is { } problem)
        {
            return new ReadRejected(RejectionReason.InvalidArgument, problem);
        }

        if (DescribeOtherShard(request.Key.Span) is { } other)
        {
            return other;
        }

        while (true)
        {
            if (pump is null || staleReader is not { } reader)
            {
                return new ReadRejected(WhyNotServed, NotReadyDetail);
            }

            var left = request.Timeout - time.GetElapsedTime(begunAt);
            if (left <= TimeSpan.Zero)
            {
                return NotInTime(reader, request);
            }

            var freshAt = reader.Freshness.FreshAt;
            try
            {
                if (await ReadStaleAsync(reader, request, left) is { } result)
                {
                    return result;
                }

                await reader.Freshness.RefreshAsync().WaitAsync(left, time);
            }
            catch (TimeoutException)
            {
                return NotInTime(reader, request);
            }

            // Unless the leader has proved something, asking it again proves nothing either.
            if (freshAt == reader.Freshness.FreshAt)
            {
                return NotInTime(reader, request);
            }
        }
    }

    public async Task<ulong?> GetReadIndexAsync(TimeSpan timeout, SiloCredential credential)
    {
        gate.Require(credential);
        return pump is { } target ? (await ReadIndexAsync(target, timeout))?.Value : null;
    }

    // Null: the state is older than it may be, or nobody knows.
    private async Task<ReadResult?> ReadStaleAsync(StaleReader reader, StaleReadRequest request, TimeSpan left)
    {
        // Looked at before the state is read, which only gets newer.
        var freshAt = reader.Freshness.FreshAt;
        if (request.MaxStaleness is { } max)
        {
            var age = AgeOf(freshAt);
            if (age is null || age > max / 2)
            {
                // Ahead of time, so that readers that come again and again never wait.
                _ = reader.Freshness.RefreshAsync();
            }

            if (age is null || age > max)
            {
                return null;
            }
        }

        var result = await reader.Pump.ReadStaleAsync<ReadResult>(
            async state => new ReadServed(
                await KeyValueReader.GetAsync(state, request.Key), new(state.Applied.Value), null, address.Datacenter, request.MaxStaleness is null ? ReadLevelKind.Local : ReadLevelKind.BoundedStaleness),
            static rejected => rejected).WaitAsync(left, time);
        return result is not ReadServed served ? result
            : AgeOf(freshAt) is not { } now ? served
            : now <= (request.MaxStaleness ?? TimeSpan.MaxValue) ? served with { Staleness = now }
            : null;
    }

    private StaleReader NewStaleReader(ReplicaPump target) => new(target, new(stop => AskLeaderAsync(target, stop), index => target.WaitUntilAppliedAsync(index, 2 * ReadIndexPatience), time));

    private async Task<LogIndex?> AskLeaderAsync(ReplicaPump target, CancellationToken stop)
    {
        if (target.Status.Role == RaftRole.Leader)
        {
            return await ReadIndexAsync(target, ReadIndexPatience);
        }

        return target.Status.Leader is { } leader
            && links.TryGetLink(leader.Datacenter, out var link)
            && link.TryGetGrain<IReplicaPeerGrain>(ReplicaAddress.Of(address.Shard, leader).ToString(), out var peer)
            && await peer.GetReadIndexAsync(ReadIndexPatience, gate.Own).WaitAsync(stop) is { } index ? new LogIndex(index) : null;
    }

    private async Task<LogIndex?> ReadIndexAsync(ReplicaPump target, TimeSpan timeout)
    {
        try
        {
            // What is applied when the leadership is confirmed is at least the read index.
            return await target.ReadAsync<LogIndex?>(static state => ValueTask.FromResult<LogIndex?>(state.Applied), static _ => null).WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    // A read that puts up with any age waits for the replica only, and not for the leader.
    private ReadRejected NotInTime(StaleReader reader, StaleReadRequest request) => request.MaxStaleness is { } max
        ? new(
            RejectionReason.TooStale,
            $"replica {address} can't prove that its state is at most {max.TotalMilliseconds:0.###} ms old: {(AgeOf(reader.Freshness.FreshAt) is { } age ? $"it was the newest {age.TotalMilliseconds:0} ms ago" : "its leader has not told it yet")}")
        : new(RejectionReason.Unavailable, $"replica {address} did not read within {request.Timeout.TotalMilliseconds:0} ms");

    private TimeSpan? AgeOf(long? freshAt) => options.Value.UnsafeReadsOfAnyAge ? TimeSpan.Zero : freshAt is { } at ? time.GetElapsedTime(at) : null;
}
