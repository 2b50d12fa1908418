using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using MultiDc.Grains;
using MultiDc.Routing.Links;

namespace MultiDc.Routing.Shards;

/// <summary>
/// Brings requests to a shard's leader wherever it is: remembers leaders, follows hints, retries what is safe to retry with the same
/// session and sequence, and keeps the caller's deadline. Used by clients, and by silos for the ring's own shard.
/// </summary>
/// <param name="links">The ways to the datacenters.</param>
/// <param name="options">How patiently to look.</param>
/// <param name="time">Deadlines and pauses.</param>
/// <param name="jitter">Numbers in [0, 1) that spread the pauses.</param>
/// <param name="logger">Attempts that failed.</param>
/// <param name="metrics">Counts what is refused here.</param>
public sealed partial class ShardRouter(
    IDatacenterLinks links, ShardRouterOptions options, TimeProvider time, Func<double> jitter, ILogger<ShardRouter> logger, ShardRouterMetrics? metrics = null)
    : IDisposable
{
    private readonly LeaderCache leaders = new();

    // For stale reads, which ask no leader and learn of none: who served last.
    private readonly LeaderCache served = new();
    private readonly ConcurrentDictionary<ShardId, SessionPool> sessions = new();
    private readonly ConcurrentDictionary<ShardId, ShardAdmission> admissions = new();
    private readonly ConcurrentDictionary<ReplicaAddress, ReplicaCalls> calls = new();

    /// <summary>Writes once.</summary>
    /// <param name="shard">The shard that holds the key.</param>
    /// <param name="replicas">Where its replicas are that may lead: a witness is not asked.</param>
    /// <param name="operation">What to do.</param>
    /// <param name="timeout">The caller's patience.</param>
    /// <param name="cancellationToken">Cancelling leaves the outcome unknown: <see cref="OperationCanceledException"/>.</param>
    public async Task<WriteResult> WriteAsync(
        ShardId shard, IReadOnlyList<ReplicaPlace> replicas, WriteOperation operation, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        var request = NewRequest(shard, replicas, timeout, cancellationToken);
        if (await request.EnterAsync().ConfigureAwait(false) is { } retryAfter)
        {
            return new Rejected(RejectionReason.Overloaded, DescribeRefusal(shard)) { RetryAfter = retryAfter };
        }

        try
        {
            var pool = sessions.GetOrAdd(shard, static (_, with) => new SessionPool(with.options.MaxConcurrentWritesPerShard, with.time), (options, time));
            if (await pool.RentAsync(request.Remaining, cancellationToken).ConfigureAwait(false) is not { } lane)
            {
                return new Rejected(RejectionReason.Overloaded, $"{options.MaxConcurrentWritesPerShard} writes to shard {shard} are under way already") { RetryAfter = options.MaxBackoff };
            }

            try
            {
                return await WriteInLaneAsync(request, lane, operation).ConfigureAwait(false);
            }
            finally
            {
                pool.Return(lane);
            }
        }
        finally
        {
            request.Leave();
        }
    }

    /// <summary>Reads one key, linearizably.</summary>
    public Task<ReadResult> ReadAsync(
        ShardId shard, IReadOnlyList<ReplicaPlace> replicas, ReadOnlyMemory<byte> key, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        ReadUntilServedAsync<ReadResult>(
            NewRequest(shard, replicas, timeout, cancellationToken),
            (grain, calls, patience, lost) => calls.Reads.AskAsync(grain, new(key, patience), patience, lost),
            static result => result as ReadRejected,
            static rejected => rejected);

    /// <summary>
    /// Reads one key from any replica that can tell that its state is no older than asked for: the own datacenter's, or else the nearest of those that can.
    /// </summary>
    /// <param name="shard">The shard that holds the key.</param>
    /// <param name="replicas">Where its replicas are.</param>
    /// <param name="key">The key.</param>
    /// <param name="maxStaleness">How old the state may be; null: any age.</param>
    /// <param name="timeout">The caller's patience.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ReadResult> ReadStaleAsync(
        ShardId shard, IReadOnlyList<ReplicaPlace> replicas, ReadOnlyMemory<byte> key, TimeSpan? maxStaleness, TimeSpan timeout,
        CancellationToken cancellationToken = default)
    {
        var request = NewNearRequest(shard, replicas, timeout, cancellationToken);
        while (true)
        {
            var result = await request.AttemptAsync<ReadResult>(
                (grain, patience) => grain.ReadStaleAsync(new(key, maxStaleness, patience)),
                static detail => new ReadRejected(RejectionReason.Unavailable, detail),
                static detail => new ReadRejected(RejectionReason.Unavailable, detail)).ConfigureAwait(false);
            if (result is not ReadRejected rejected || rejected.Reason is RejectionReason.InvalidArgument or RejectionReason.UnknownKeyspace)
            {
                request.Served();
                return result;
            }

            var action = rejected.Reason == RejectionReason.Overloaded ? AttemptAction.BackOff : AttemptAction.TryNext;
            if (!await request.PrepareNextAsync(action, null).ConfigureAwait(false))
            {
                return rejected;
            }
        }
    }

    /// <summary>Reads one page of a shard, linearizably.</summary>
    /// <remarks>The request's own timeout is replaced by what is left of <paramref name="timeout"/>.</remarks>
    public Task<ScanReply> ScanAsync(
        ShardId shard, IReadOnlyList<ReplicaPlace> replicas, ScanRequest page, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        ReadUntilServedAsync<ScanReply>(
            NewRequest(shard, replicas, timeout, cancellationToken),
            (grain, _, patience, lost) => grain.ScanAsync(page with { Timeout = patience }).WaitAsync(lost),
            static reply => reply.Rejection,
            static rejected => new([], false, rejected));

    /// <summary>Reads a lease of a shard, linearizably.</summary>
    public Task<LeaseReply> ReadLeaseAsync(
        ShardId shard, IReadOnlyList<ReplicaPlace> replicas, LeaseId lease, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        ReadUntilServedAsync<LeaseReply>(
            NewRequest(shard, replicas, timeout, cancellationToken),
            (grain, _, patience, lost) => grain.ReadLeaseAsync(new(lease, patience)).WaitAsync(lost),
            static reply => reply.Rejection,
            static rejected => new(null, rejected));

    /// <summary>Forgets nothing durable: unused sessions expire by themselves.</summary>
    public void Dispose()
    {
        foreach (var pool in sessions.Values)
        {
            pool.Dispose();
        }
    }

    private ShardRequest NewRequest(ShardId shard, IReadOnlyList<ReplicaPlace> replicas, TimeSpan timeout, CancellationToken cancellationToken) =>
        new(shard, new LeaderSearch(replicas, links.Local, leaders.Get(shard), IsUp), links, leaders, calls, options, time, jitter, logger, timeout, cancellationToken)
        {
            Admission = admissions.GetOrAdd(shard, static (_, with) => new ShardAdmission(with.options, with.time), (options, time)),
        };

    private string DescribeRefusal(ShardId shard)
    {
        metrics?.Refused.Add(1);
        return $"as many requests to shard {shard} are under way as are answered promptly, and {options.MaxWaitingRequestsPerShard} at most wait";
    }

    // The own datacenter's come first, before all the one that served last; otherwise the shard decides, so that the silos there share the work.
    private ShardRequest NewNearRequest(ShardId shard, IReadOnlyList<ReplicaPlace> replicas, TimeSpan timeout, CancellationToken cancellationToken)
    {
        ReplicaPlace[] own = [.. replicas.Where(replica => replica.Datacenter == links.Local)];
        var first = served.Get(shard) is { } last && own.Contains(last) ? last : own.Length > 0 ? own[shard.Number % own.Length] : (ReplicaPlace?)null;
        return new(
            shard, new([.. replicas.OrderBy(replica => replica == first ? -1 : 0).ThenBy(DistanceOf)], links.Local, first, IsUp), links, served, calls, options, time, jitter, logger, timeout,
            cancellationToken);
    }

    private TimeSpan DistanceOf(ReplicaPlace replica) => replica.Datacenter == links.Local ? TimeSpan.Zero
        : links.TryGetLink(replica.Datacenter, out var link) ? link.RoundTripTime ?? TimeSpan.MaxValue : TimeSpan.MaxValue;

    private bool IsUp(DatacenterId datacenter) => links.TryGetLink(datacenter, out var link) && link.IsUp;

    private static async Task<WriteResult> WriteInLaneAsync(ShardRequest request, SessionPool.Lane lane, WriteOperation operation)
    {
        var mayHaveHappened = false;
        SessionSequence? sequence = null;
        while (true)
        {
            if (lane.Session is not { } session)
            {
                if (await OpenSessionAsync(request, lane).ConfigureAwait(false) is { } problem)
                {
                    return problem;
                }

                sequence = null;
                continue;
            }

            sequence ??= lane.NextSequence();
            var outcome = await request.AttemptAsync<WriteResult>(
                (grain, calls, patience, lost) => calls.Writes.AskAsync(grain, new(session, sequence.Value, operation, patience), patience, lost),
                static detail => new Rejected(RejectionReason.NotLeader, detail),
                static detail => new Unknown(detail)).ConfigureAwait(false);
            var action = AttemptDecision.Decide(outcome, mayHaveHappened);
            mayHaveHappened |= outcome is Unknown;
            if (outcome is Rejected { Reason: RejectionReason.SessionExpired })
            {
                lane.Forget();
            }

            if (action == AttemptAction.Return)
            {
                request.Served();
            }
            else if (await request.PrepareNextAsync(action, (outcome as Rejected)?.LeaderPlace, (outcome as Rejected)?.RetryAfter).ConfigureAwait(false))
            {
                continue;
            }

            return AttemptDecision.Conclude(outcome, mayHaveHappened);
        }
    }

    private static async Task<WriteResult?> OpenSessionAsync(ShardRequest request, SessionPool.Lane lane)
    {
        while (true)
        {
            var reply = await request.AttemptAsync<OpenSessionReply>(
                static (grain, patience) => grain.OpenSessionAsync(new(patience)),
                static detail => new(null, new Rejected(RejectionReason.NotLeader, detail)),
                static detail => new(null, new Unknown(detail))).ConfigureAwait(false);
            if (reply.Session is { } session)
            {
                lane.Open(session);
                return null;
            }

            // The caller's write itself was not sent yet, whatever became of the session, so the conclusion is a rejection.
            var action = AttemptDecision.Decide(reply.Outcome, mayHaveHappened: false);
            if (action == AttemptAction.Return || !await request.PrepareNextAsync(action, (reply.Outcome as Rejected)?.LeaderPlace, (reply.Outcome as Rejected)?.RetryAfter).ConfigureAwait(false))
            {
                return reply.Outcome is Rejected rejected
                    ? AttemptDecision.Conclude(rejected, mayHaveHappened: false)
                    : new Rejected(RejectionReason.Unavailable, $"no session with shard {request.Shard} before the deadline");
            }
        }
    }

    private async Task<TReply> ReadUntilServedAsync<TReply>(
        ShardRequest request, Func<IReplicaGrain, ReplicaCalls, TimeSpan, CancellationToken, Task<TReply>> ask, Func<TReply, ReadRejected?> rejectionOf, Func<ReadRejected, TReply> refuse)
        where TReply : class
    {
        if (await request.EnterAsync().ConfigureAwait(false) is { } retryAfter)
        {
            return refuse(new(RejectionReason.Overloaded, DescribeRefusal(request.Shard)) { RetryAfter = retryAfter });
        }

        try
        {
            while (true)
            {
                var reply = await request.AttemptAsync(
                    ask,
                    detail => refuse(new(RejectionReason.NotLeader, detail)),
                    detail => refuse(new(RejectionReason.Unavailable, detail))).ConfigureAwait(false);
                if (rejectionOf(reply) is not { } rejection)
                {
                    request.Served();
                    return reply;
                }

                var action = rejection.Reason switch
                {
                    RejectionReason.NotLeader or RejectionReason.NotReady or RejectionReason.Unavailable => AttemptAction.TryNext,
                    RejectionReason.Overloaded => AttemptAction.BackOff,
                    _ => AttemptAction.Return,
                };
                if (action == AttemptAction.Return)
                {
                    return reply;
                }

                if (!await request.PrepareNextAsync(action, rejection.LeaderPlace, rejection.RetryAfter).ConfigureAwait(false))
                {
                    return rejection.Reason == RejectionReason.Overloaded ? reply : refuse(new(RejectionReason.Unavailable, $"no leader before the deadline: {rejection.Detail}"));
                }
            }
        }
        finally
        {
            request.Leave();
        }
    }
}
