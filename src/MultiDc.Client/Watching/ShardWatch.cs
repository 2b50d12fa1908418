using MultiDc.Grains;
using MultiDc.Routing.Links;

namespace MultiDc.Client.Watching;

/// <summary>What a shard watch needs beside its shard.</summary>
/// <param name="Links">The ways to the datacenters.</param>
/// <param name="Settings">How patiently.</param>
/// <param name="AnswerTime">How long a replica may take to answer what it need not wait for.</param>
/// <param name="Grace">How long replicas that do not answer are waited for when all others have forgotten what is asked for.</param>
/// <param name="Timeout">How long the shard may be out of reach; null: for ever.</param>
/// <param name="Time">The clock.</param>
/// <param name="Jitter">Numbers in [0, 1) that spread pauses.</param>
internal sealed record ShardWatchContext(
    IDatacenterLinks Links, WatchSettings Settings, TimeSpan AnswerTime, TimeSpan Grace, TimeSpan? Timeout, TimeProvider Time, Func<double> Jitter);

/// <summary>
/// One shard's changes, page by page, from whichever replica tells them. A replica is first asked without patience, which tells whether it is as far as the
/// watch is and not cut off; then it is asked to wait. Since all replicas tell the same, going on at another leaves nothing out and tells nothing twice.
/// </summary>
internal sealed class ShardWatch
{
    // A reply that was under way when the replica's own patience ended still gets this long to arrive.
    private static readonly TimeSpan ReplyAllowance = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan MinPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MaxPause = TimeSpan.FromMilliseconds(500);

    private readonly ShardId shard;
    private readonly WatchFilter filter;
    private readonly int pageBytes;
    private readonly ShardWatchContext context;
    private readonly ReplicaChoice choice;
    private readonly int replicas;
    private readonly Dictionary<ReplicaPlace, Revision> forgotten = [];
    private long servedAt;
    private long forgottenAt;
    private TimeSpan pause = MinPause;

    public ShardWatch(ShardId shard, IReadOnlyList<ReplicaPlace> replicas, WatchFilter filter, Revision? after, int pageBytes, ShardWatchContext context)
    {
        this.shard = shard;
        this.filter = filter;
        this.pageBytes = pageBytes;
        this.context = context;
        After = after;
        this.replicas = replicas.Count;
        servedAt = context.Time.GetTimestamp();
        choice = new([.. replicas.OrderBy(DistanceOf)], IsUp, context.Settings.ReturnPeriod, context.Time);
    }

    /// <summary>Everything up to here was told; null: the watch has not begun yet.</summary>
    public Revision? After { get; private set; }

    /// <summary>What comes next: changes, or only a later revision.</summary>
    /// <exception cref="WatchCompactedException">No replica remembers what comes next.</exception>
    /// <exception cref="MultiDcUnavailableException">The shard was out of reach too long, or the request can never be served.</exception>
    public async Task<WatchReply> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var reply = await AskAsync(cancellationToken).ConfigureAwait(false);
            if (reply is { Rejection: null, CompactedTo: null })
            {
                choice.Served();
                forgotten.Clear();
                (After, servedAt, pause) = (reply.UpTo, context.Time.GetTimestamp(), MinPause);
                return reply;
            }

            ThrowIfHopeless(reply);
            if (!choice.MoveNext(forgotten.Keys))
            {
                await Task.Delay(pause * (0.5 + context.Jitter()), context.Time, cancellationToken).ConfigureAwait(false);
                pause = pause * 2 < MaxPause ? pause * 2 : MaxPause;
            }
        }
    }

    private async Task<WatchReply> AskAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var replica = choice.Current;
        if (!context.Links.TryGetLink(replica.Datacenter, out var link) || !link.TryGetGrain<IReplicaGrain>(ReplicaAddress.Of(shard, replica).ToString(), out var grain))
        {
            return Unavailable($"datacenter {replica.Datacenter} is not connected");
        }

        var answerTime = context.AnswerTime + (2 * link.RoundTripTime.GetValueOrDefault());
        var patience = choice.IsServing ? context.Settings.PollTime : TimeSpan.Zero;
        var lost = link.Lost;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(lost, cancellationToken);
        try
        {
            return await grain.WatchAsync(new(filter, After, pageBytes, context.Settings.MaxStaleness, patience, answerTime))
                .WaitAsync(patience + answerTime + ReplyAllowance, context.Time, ended.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            if (exception is TimeoutException)
            {
                link.NoteUnanswered();
            }

            return Unavailable($"the replica in {replica} did not answer: {(lost.IsCancellationRequested ? "the connection was closed" : exception.Message)}");
        }
    }

    private void ThrowIfHopeless(WatchReply reply)
    {
        if (reply.Rejection is { Reason: RejectionReason.InvalidArgument or RejectionReason.WrongShard or RejectionReason.UnknownKeyspace } refusal)
        {
            throw new MultiDcUnavailableException(refusal.Reason, $"shard {shard}: {refusal.Detail}");
        }

        if (reply.CompactedTo is { } compactedTo)
        {
            forgottenAt = forgotten.Count == 0 ? context.Time.GetTimestamp() : forgottenAt;
            forgotten[choice.Current] = compactedTo;
        }

        // Another replica may remember more. Those that do not answer are not waited for indefinitely.
        if (forgotten.Count > 0 && (forgotten.Count == replicas || context.Time.GetElapsedTime(forgottenAt) >= context.Grace))
        {
            throw new WatchCompactedException(shard, After.GetValueOrDefault(), forgotten.Values.Min());
        }

        if (context.Timeout is { } timeout && context.Time.GetElapsedTime(servedAt) >= timeout)
        {
            throw new MultiDcUnavailableException(
                RejectionReason.Unavailable, $"shard {shard}: no replica has served the watch for {timeout.TotalSeconds:0.###} s: {reply.Rejection?.Detail ?? "they have forgotten what is asked for"}");
        }
    }

    private TimeSpan DistanceOf(ReplicaPlace replica) => replica.Datacenter == context.Links.Local ? TimeSpan.Zero
        : context.Links.TryGetLink(replica.Datacenter, out var link) ? link.RoundTripTime ?? TimeSpan.MaxValue : TimeSpan.MaxValue;

    private bool IsUp(ReplicaPlace replica) => context.Links.TryGetLink(replica.Datacenter, out var link) && link.IsUp;

    private WatchReply Unavailable(string detail) => new([], After.GetValueOrDefault(), null, new(RejectionReason.Unavailable, detail));
}
