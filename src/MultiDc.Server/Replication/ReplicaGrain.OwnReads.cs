using MultiDc.Grains;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Replication;

/// <summary>Reads of this replica's own state that must be as new as something, and wait until it is.</summary>
internal sealed partial class ReplicaGrain
{
    public async Task<ReadResult> ReadAtLeastAsync(ReadAtLeastRequest request)
    {
        if (KeyLimits.DescribeKeyProblem(request.Key.Span) is { } problem)
        {
            return new ReadRejected(RejectionReason.InvalidArgument, problem);
        }

        if (DescribeOtherShard(request.Key.Span) is { } other)
        {
            return other;
        }

        if (pump is null || staleReader is not { } reader)
        {
            return new ReadRejected(WhyNotServed, NotReadyDetail);
        }

        var begunAt = time.GetTimestamp();
        var index = new LogIndex(request.AtLeast.Value);
        try
        {
            if (reader.Pump.Status.Applied < index)
            {
                // A follower hears of a commit by the next heartbeat. Asking the leader makes it send one.
                var applied = reader.Pump.WaitUntilAppliedAsync(index, request.Timeout);
                _ = reader.Freshness.RefreshAsync();
                if (!await applied.WaitAsync(request.Timeout, time))
                {
                    return Behind(reader, index);
                }
            }

            // The pump may have been started again since, over an older state.
            return await ReadOwnAsync(reader, request.Key, index, ReadLevelKind.Session, AgeOf(reader.Freshness.FreshAt))
                .WaitAsync(LeftOf(request.Timeout, begunAt), time) ?? Behind(reader, index);
        }
        catch (TimeoutException)
        {
            return Behind(reader, index);
        }
    }

    public async Task<ReadResult> ReadByFollowerAsync(Grains.ReadRequest request)
    {
        if (KeyLimits.DescribeKeyProblem(request.Key.Span) is { } problem)
        {
            return new ReadRejected(RejectionReason.InvalidArgument, problem);
        }

        if (DescribeOtherShard(request.Key.Span) is { } other)
        {
            return other;
        }

        if (pump is null || staleReader is not { } reader)
        {
            return new ReadRejected(WhyNotServed, NotReadyDetail);
        }

        if (reader.Pump.Status.Role == RaftRole.Leader)
        {
            return await ReadAsync(request);
        }

        // What was acknowledged to anybody before now is committed as far as the leader will say, and applied here as far when it has said so.
        var begunAt = time.GetTimestamp();
        try
        {
            if (options.Value.UnsafeFollowerReadsWithoutReadIndex || await reader.Freshness.CatchUpAsync().WaitAsync(request.Timeout, time))
            {
                return (await ReadOwnAsync(reader, request.Key, default, ReadLevelKind.Linearizable, TimeSpan.Zero).WaitAsync(LeftOf(request.Timeout, begunAt), time))!;
            }
        }
        catch (TimeoutException)
        {
            // Told below.
        }

        return ReadRejected.By(RejectionReason.NotLeader, $"replica {address} does not lead, and its leader did not tell it how far the log is committed", reader.Pump.Status.Leader);
    }

    // A client of an earlier version takes every keyspace for one of hashes, and would find no key where it looks for it.
    private ReadRejected? DescribeOtherShard(ReadOnlySpan<byte> key) => pump is { Range: { Hashes: null } range } && !range.Contains(key)
        ? new(RejectionReason.WrongShard, $"shard {address.Shard} has {range}")
        : null;

    // Null: the state is older.
    private Task<ReadResult?> ReadOwnAsync(StaleReader reader, ReadOnlyMemory<byte> key, LogIndex atLeast, ReadLevelKind level, TimeSpan? staleness) =>
        reader.Pump.ReadStaleAsync<ReadResult?>(
            async state => state.Applied < atLeast ? null : new ReadServed(await KeyValueReader.GetAsync(state, key), new(state.Applied.Value), staleness, address.Datacenter, level),
            static rejected => rejected);

    private ReadRejected Behind(StaleReader reader, LogIndex index) => ReadRejected.By(
        RejectionReason.TooStale, $"replica {address} has applied its log up to {reader.Pump.Status.Applied.Value}, and what was seen before is {index.Value}", reader.Pump.Status.Leader);

    private TimeSpan LeftOf(TimeSpan timeout, long begunAt) => timeout - time.GetElapsedTime(begunAt) is { Ticks: > 0 } left ? left : TimeSpan.Zero;
}
