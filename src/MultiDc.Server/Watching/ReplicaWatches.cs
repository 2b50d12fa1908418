using MultiDc.Grains;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Watching;

/// <summary>
/// Serves watchers from a replica's history: what is there at once, else what comes while they wait. Nothing of it runs on the pump. When nothing comes,
/// the replica proves that it is not cut off (<see cref="StateFreshness"/>), once for all who wait, or sends them to another.
/// </summary>
internal sealed class ReplicaWatches(ReplicaAddress address, ReplicaPump pump, StateFreshness freshness, TimeProvider time, ReplicaMetrics metrics)
{
    // Orleans gives a call up after 30 s.
    private static readonly TimeSpan LongestPatience = TimeSpan.FromSeconds(20);

    // Those who wait leave when something changes, or soon after by themselves.
    private static readonly TimeSpan WaitersRetryAfter = TimeSpan.FromSeconds(1);
    private const int MostBytes = 4 * 1024 * 1024;

    private readonly ChangeHistory history = pump.History;

    public async Task<WatchReply> WatchAsync(WatchRequest request)
    {
        var reply = await ServeAsync(request).ConfigureAwait(false);
        if (reply.Rejection is { } rejection)
        {
            Count(rejection.Reason.ToString());
        }
        else if (reply.CompactedTo is not null)
        {
            Count("compacted");
        }

        return reply;
    }

    private async Task<WatchReply> ServeAsync(WatchRequest request)
    {
        var begunAt = time.GetTimestamp();
        if (request.Filter.DescribeProblem() is { } problem)
        {
            return Refusal(request, RejectionReason.InvalidArgument, problem);
        }

        if (pump.DescribeWhyNoWatch() is { } why)
        {
            return Refusal(request, RejectionReason.NotReady, why);
        }

        var isFirst = request.Patience <= TimeSpan.Zero;
        if (request.After is not { } after || (history.UnsafeResumeFromNow && isFirst))
        {
            return await DescribeWhyTooStaleAsync(request, begunAt).ConfigureAwait(false) is { } tooStale
                ? new([], default, null, tooStale)
                : new([], history.UpTo, null, null);
        }

        var page = ReadOn(request, after);
        if (!isFirst && !EndsWait(page))
        {
            // Ahead of time, so that those who find nothing need not wait for it.
            if (AgeWithin(request.MaxStaleness / 2) is null)
            {
                _ = freshness.RefreshAsync();
            }

            if (history.TryWait(request.Filter, page.UpTo) is not { } waiter)
            {
                return Refusal(request, RejectionReason.Overloaded, $"{history.Waiting} watchers wait already");
            }

            page = await WaitAsync(request, page.UpTo, waiter).ConfigureAwait(false);
        }

        if (!EndsWait(page) && !history.IsClosed)
        {
            if (await DescribeWhyTooStaleAsync(request, begunAt).ConfigureAwait(false) is { } tooStale)
            {
                return new([], after, null, tooStale);
            }

            page = ReadOn(request, page.UpTo);
        }

        // A replica that stops forgets everything, and does not know it any more.
        return pump.DescribeWhyNoWatch() is { } stopped ? Refusal(request, RejectionReason.NotReady, stopped)
            : new(page.Revisions, page.UpTo, page.CompactedTo, null);
    }

    private async Task<HistoryPage> WaitAsync(WatchRequest request, Revision after, HistoryWaiter waiter)
    {
        try
        {
            var page = ReadOn(request, after);
            if (!EndsWait(page))
            {
                await waiter.Changed.WaitAsync(request.Patience < LongestPatience ? request.Patience : LongestPatience, time).ConfigureAwait(false);
                page = ReadOn(request, page.UpTo);
            }

            return page;
        }
        catch (TimeoutException)
        {
            return ReadOn(request, after);
        }
        finally
        {
            history.Leave(waiter);
        }
    }

    // Over pages without a match, up to one with some or to the end.
    private HistoryPage ReadOn(WatchRequest request, Revision after)
    {
        while (true)
        {
            var page = history.Read(request.Filter, after, Math.Clamp(request.MaxBytes, 1, MostBytes));
            if (EndsWait(page) || page.IsLast)
            {
                return page;
            }

            after = page.UpTo;
        }
    }

    private static bool EndsWait(HistoryPage page) => page.Revisions.Count > 0 || page.CompactedTo is not null;

    private async Task<ReadRejected?> DescribeWhyTooStaleAsync(WatchRequest request, long begunAt)
    {
        // What had been asked of the leader before this request may prove too little for it; then it is asked once more.
        for (var attempt = 0; attempt < 2 && !IsProven(request, begunAt); attempt++)
        {
            try
            {
                await freshness.RefreshAsync().WaitAsync(request.Timeout, time).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                break;
            }
        }

        return !IsProven(request, begunAt)
            ? new(RejectionReason.TooStale, $"replica {address} can't prove that its state was the newest within the last {request.MaxStaleness.TotalSeconds:0.###} s")
            : IsBehind(request) ? new(RejectionReason.InvalidArgument, $"shard {address.Shard} is at revision {history.UpTo} and never came to {request.After}: the token is of another")
            : null;
    }

    // Whoever is asked to go on after something it has not applied must prove that it never was, which takes a proof that began after it was asked.
    private bool IsProven(WatchRequest request, long begunAt) =>
        IsBehind(request) ? freshness.FreshAt is { } freshAt && freshAt >= begunAt && IsBehind(request) : AgeWithin(request.MaxStaleness) is not null;

    private bool IsBehind(WatchRequest request) => request.After is { } after && after.Value > history.UpTo.Value;

    // Null: older, or nobody knows.
    private TimeSpan? AgeWithin(TimeSpan most) => freshness.FreshAt is { } freshAt && time.GetElapsedTime(freshAt) is var age && age <= most ? age : null;

    private WatchReply Refusal(WatchRequest request, RejectionReason reason, string detail) => new([], request.After ?? default, null, new(reason, $"replica {address}: {detail}") { RetryAfter = reason == RejectionReason.Overloaded ? WaitersRetryAfter : null });

    private void Count(string reason) => metrics.WatchesRefused.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
