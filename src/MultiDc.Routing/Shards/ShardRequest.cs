using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using MultiDc.Grains;
using MultiDc.Routing.Links;

namespace MultiDc.Routing.Shards;

/// <summary>One caller's request to a shard: its deadline, whom it asks next, and how long it pauses.</summary>
internal sealed partial class ShardRequest(
    ShardId shard,
    LeaderSearch search,
    IDatacenterLinks links,
    LeaderCache leaders,
    ConcurrentDictionary<ReplicaAddress, ReplicaCalls> calls,
    ShardRouterOptions options,
    TimeProvider time,
    Func<double> jitter,
    ILogger logger,
    TimeSpan timeout,
    CancellationToken cancellationToken)
{
    // A reply that was under way when the replica's own patience ended still gets this long to arrive. Callers are promised an answer at most
    // 250 ms after their deadline, of which a busy machine needs some for itself.
    private static readonly TimeSpan ReplyAllowance = TimeSpan.FromMilliseconds(150);

    private readonly long startedAt = time.GetTimestamp();
    private bool hasReopened;
    private TimeSpan backoff = options.MinBackoff;

    public ShardId Shard => shard;

    /// <summary>Whom this process lets ask the shard; null: everybody, at once.</summary>
    public ShardAdmission? Admission { get; init; }

    public TimeSpan Remaining
    {
        get
        {
            var left = timeout - time.GetElapsedTime(startedAt);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>Waits until it is this request's turn, see <see cref="ShardAdmission.EnterAsync"/>.</summary>
    public ValueTask<TimeSpan?> EnterAsync() => Admission?.EnterAsync(Remaining, cancellationToken) ?? ValueTask.FromResult<TimeSpan?>(null);

    /// <summary>Makes room for the next.</summary>
    public void Leave() => Admission?.Leave();

    /// <summary>
    /// Asks the current replica. <paramref name="notSent"/> and <paramref name="noAnswer"/> make the reply of a call that surely was not,
    /// or may have been, delivered.
    /// </summary>
    public Task<TReply> AttemptAsync<TReply>(
        Func<IReplicaGrain, TimeSpan, Task<TReply>> ask, Func<string, TReply> notSent, Func<string, TReply> noAnswer) =>
        AttemptAsync((grain, _, patience, lost) => ask(grain, patience).WaitAsync(lost), notSent, noAnswer);

    /// <summary>Asks the current replica, by a call that travels with others or ends when the way is lost.</summary>
    public async Task<TReply> AttemptAsync<TReply>(
        Func<IReplicaGrain, ReplicaCalls, TimeSpan, CancellationToken, Task<TReply>> ask, Func<string, TReply> notSent, Func<string, TReply> noAnswer)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var replica = search.Current;
        var to = calls.GetOrAdd(ReplicaAddress.Of(shard, replica), static (address, time) => new(address, time), time);
        if (!links.TryGetLink(replica.Datacenter, out var link) || !link.TryGetGrain<IReplicaGrain>(to.Key, out var grain))
        {
            return notSent($"datacenter {replica.Datacenter} is not connected");
        }

        var attempt = options.AttemptTimeout + (2 * link.RoundTripTime.GetValueOrDefault());
        var patience = Remaining < attempt ? Remaining : attempt;
        var lost = link.Lost;
        var askedAt = time.GetTimestamp();
        try
        {
            var reply = await ask(grain, to, patience, lost).WaitAsync(patience + ReplyAllowance, time, cancellationToken).ConfigureAwait(false);
            Admission?.Answered(time.GetElapsedTime(askedAt), prompt: attempt / 4);
            return reply;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Whatever kept the answer away (time-out, closed connection, rejected message, dead activation), the request may have arrived.
            var reason = lost.IsCancellationRequested ? "the connection was closed" : exception.Message;
            LogAttemptFailed(logger, shard, replica, reason);
            if (exception is TimeoutException && patience == attempt)
            {
                link.NoteUnanswered();
                Admission?.Overloaded();
            }

            return noAnswer($"the replica in {replica} did not answer: {reason}");
        }
    }

    /// <summary>The current replica answered as only a leader can, or, where any replica may answer, answered.</summary>
    public void Served() => leaders.Set(shard, search.Current);

    /// <summary>The current replica did not answer, and no other is asked.</summary>
    public void Failed() => leaders.Forget(shard, search.Current);

    /// <summary>Chooses whom to ask next, and pauses if need be; false when the deadline has come.</summary>
    /// <param name="action">What is to be done.</param>
    /// <param name="hint">Where the leader was seen.</param>
    /// <param name="retryAfter">How long the replica that was asked wants to be left alone.</param>
    public async Task<bool> PrepareNextAsync(AttemptAction action, ReplicaPlace? hint, TimeSpan? retryAfter = null)
    {
        if (action == AttemptAction.BackOff)
        {
            Admission?.Overloaded();
        }

        // A new session is tried at once, but when it expires too, clients are pushing each other's sessions out: no haste then.
        var atOnce = action == AttemptAction.ReopenSession && !hasReopened;
        hasReopened |= action == AttemptAction.ReopenSession;
        if (action == AttemptAction.TryNext)
        {
            leaders.Forget(shard, search.Current);
            atOnce = search.MoveNext(hint);
        }

        if (!atOnce)
        {
            // Never before the time it was told, and not all at that time.
            var pause = (backoff * (0.5 + jitter())) + retryAfter.GetValueOrDefault();
            backoff = backoff * 2 < options.MaxBackoff ? backoff * 2 : options.MaxBackoff;
            if (pause >= Remaining)
            {
                return false;
            }

            await Task.Delay(pause, time, cancellationToken).ConfigureAwait(false);
        }

        return Remaining > TimeSpan.Zero;
    }

    [LoggerMessage(3010, LogLevel.Debug, "Shard {Shard}: the replica in {Replica} did not answer: {Reason}")]
    private static partial void LogAttemptFailed(ILogger logger, ShardId shard, ReplicaPlace replica, string reason);
}
