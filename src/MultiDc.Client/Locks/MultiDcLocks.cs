using System.Collections.Concurrent;
using System.Text;
using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Client.Locks;

/// <summary>Who holds a lock, or a place of a semaphore.</summary>
/// <param name="Holder">What it called itself when it acquired it.</param>
/// <param name="Token">Its fencing token: the revision that acquired it.</param>
public sealed record LockHolder(string Holder, Revision Token);

/// <summary>
/// Locks and semaphores with fencing tokens, and leader election (<see cref="Election"/>). A lock is a key bound to a lease, <c>multidc.lock/{name}</c>, in the shard of <c>{name}</c>, where what it protects belongs too;
/// of a name that has a <c>{tag}</c> itself, in the shard of that. A semaphore is several such keys, <c>multidc.semaphore/{name}/0</c> and so on, and one that says how many there are. Who acquires one does so by one conditional
/// batch: the shard decides, and never gives a place to two. One object per client is enough; it sends one keep-alive per shard, however many locks are held. Safe for concurrent use.
/// </summary>
/// <remarks>
/// Every name that was ever locked, and every place of a semaphore, takes one of the shard's <see cref="Guard.MaxGuardsOfShard"/> places for guards, until <see cref="MultiDcClientOperationExtensions.ForgetGuardAsync"/>. Who waits
/// watches for the key to go, and asks again when it does, after a pause of up to 50 ms of its own, and every few seconds besides; where no watch is served, after at most 3/4 of a second. Nobody is served first for having come first.
/// </remarks>
public sealed class MultiDcLocks : IDisposable
{
    /// <summary>The most places that a semaphore may have.</summary>
    public const int MaxPlaces = 64;

    /// <summary>The most bytes of UTF-8 of a holder's name.</summary>
    public const int MaxHolderBytes = 512;

    private const int OwnerLength = 32;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    // A watch may be served by a replica that hears nothing for a while.
    private static readonly TimeSpan LongestWatch = TimeSpan.FromSeconds(4);

    // All who wait hear of a release at once. Who comes later finds it taken, and has only read.
    private static readonly TimeSpan Spread = TimeSpan.FromMilliseconds(50);

    private readonly IMultiDcClient client;
    private readonly TimeProvider time;
    private readonly Func<double> jitter;
    private readonly LeaseKeeper keeper;
    private readonly ConcurrentDictionary<string, KeyspaceDescriptor> keyspaces = new();

    /// <summary>Locks through this client.</summary>
    /// <param name="client">The client.</param>
    /// <param name="time">The clock; its monotonic readings must keep the rate of the leaders' clocks.</param>
    /// <param name="jitter">Numbers in [0, 1) that spread the pauses of those who wait.</param>
    public MultiDcLocks(IMultiDcClient client, TimeProvider time, Func<double> jitter)
    {
        this.client = client;
        this.time = time;
        this.jitter = jitter;
        keeper = new(client, time);
    }

    /// <summary>The key that the lock is, which is there while it is held.</summary>
    public static string KeyOf(string name) => Contest.KeyOf("multidc.lock", name);

    /// <summary>The key that says how many places the semaphore has, in decimal; that of a place has <c>/</c> and its number from 0 behind it.</summary>
    public static string SemaphoreKeyOf(string name) => Contest.KeyOf("multidc.semaphore", name);

    /// <summary>Waits for the lock until it has it.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The lock's name, also of its guard: 1 to <see cref="Guard.MaxNameBytes"/> bytes.</param>
    /// <param name="ttl">How long others wait when this process dies or is cut off; it is renewed each third of that. See <see cref="LeaseLimits"/>.</param>
    /// <param name="holder">What to call the holder, for people: at most <see cref="MaxHolderBytes"/> bytes; null: the machine's name.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>. What was begun expires by itself.</param>
    /// <exception cref="MultiDcUnavailableException">It will be refused every time: <see cref="MultiDcUnavailableException.Reason"/> says why. While the shard is away it is waited for.</exception>
    public async Task<DistributedLock> AcquireAsync(string keyspace, string name, TimeSpan ttl, string? holder = null, CancellationToken cancellationToken = default) =>
        (await AcquireAsync(Contest.OfLock(keyspace, name), ttl, null, holder, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Waits for the lock for a while.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The lock's name.</param>
    /// <param name="ttl">How long others wait when this process dies or is cut off.</param>
    /// <param name="patience">For how long; zero: one attempt.</param>
    /// <param name="holder">What to call the holder, for people; null: the machine's name.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <returns>The lock; null: another held it all the time.</returns>
    /// <exception cref="MultiDcUnavailableException">It will be refused every time, or the shard was away when the patience ended.</exception>
    public Task<DistributedLock?> TryAcquireAsync(
        string keyspace, string name, TimeSpan ttl, TimeSpan patience, string? holder = null, CancellationToken cancellationToken = default) =>
        AcquireAsync(Contest.OfLock(keyspace, name), ttl, patience, holder, cancellationToken);

    /// <summary>
    /// Waits for a place of a semaphore until it has one. Never do more than <paramref name="places"/> hold one, as the shard sees it. A place is like a lock: with a lease, a token and a guard of its own,
    /// so that a write with the guard of one who lost its place is refused once another has that place.
    /// </summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The semaphore's name; the key of a place must be no longer than <see cref="Guard.MaxNameBytes"/> bytes: names of up to 100 bytes are always short enough.</param>
    /// <param name="places">How many may hold it at once: 1 to <see cref="MaxPlaces"/>. Whoever comes first decides that for all. To change it, delete <see cref="SemaphoreKeyOf"/> when nobody uses the semaphore.</param>
    /// <param name="ttl">How long others wait when this process dies or is cut off; it is renewed each third of that. See <see cref="LeaseLimits"/>.</param>
    /// <param name="holder">What to call the holder, for people: at most <see cref="MaxHolderBytes"/> bytes; null: the machine's name.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>. What was begun expires by itself.</param>
    /// <exception cref="MultiDcUnavailableException">
    /// It will be refused every time: <see cref="MultiDcUnavailableException.Reason"/> says why; among others <see cref="RejectionReason.InvalidArgument"/>, when the semaphore has another number of places.
    /// </exception>
    public async Task<DistributedLock> AcquireSemaphoreAsync(
        string keyspace, string name, int places, TimeSpan ttl, string? holder = null, CancellationToken cancellationToken = default) =>
        (await AcquireAsync(OfSemaphore(keyspace, name, places), ttl, null, holder, cancellationToken).ConfigureAwait(false))!;

    /// <summary>Waits for a place of a semaphore for a while: see <see cref="AcquireSemaphoreAsync"/>.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The semaphore's name.</param>
    /// <param name="places">How many may hold it at once.</param>
    /// <param name="ttl">How long others wait when this process dies or is cut off.</param>
    /// <param name="patience">For how long; zero: one attempt.</param>
    /// <param name="holder">What to call the holder, for people; null: the machine's name.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <returns>The place; null: others held all places whenever it was looked.</returns>
    /// <exception cref="MultiDcUnavailableException">It will be refused every time, or the shard was away when the patience ended.</exception>
    public Task<DistributedLock?> TryAcquireSemaphoreAsync(
        string keyspace, string name, int places, TimeSpan ttl, TimeSpan patience, string? holder = null, CancellationToken cancellationToken = default) =>
        AcquireAsync(OfSemaphore(keyspace, name, places), ttl, patience, holder, cancellationToken);

    /// <summary>Who holds the lock now, by a linearizable read; null: nobody.</summary>
    /// <exception cref="MultiDcUnavailableException">The read was not served.</exception>
    public async Task<LockHolder?> GetHolderAsync(string keyspace, string name, CancellationToken cancellationToken = default) =>
        HolderOf(await ReadAsync(keyspace, KeyOf(name), cancellationToken).ConfigureAwait(false));

    /// <summary>
    /// Who holds the places of the semaphore, in the order of the places. Each by a linearizable read, but not all of one moment: while places change hands there may seem to be fewer or others, never more than there are places.
    /// </summary>
    /// <exception cref="MultiDcUnavailableException">A read was not served.</exception>
    public async Task<IReadOnlyList<LockHolder>> GetSemaphoreHoldersAsync(string keyspace, string name, CancellationToken cancellationToken = default)
    {
        var key = SemaphoreKeyOf(name);
        var capacity = await ReadAsync(keyspace, key, cancellationToken).ConfigureAwait(false);
        _ = int.TryParse(capacity?.ValueText(), out var places);
        var entries = await Task.WhenAll(Enumerable.Range(0, Math.Clamp(places, 0, MaxPlaces)).Select(number => ReadAsync(keyspace, $"{key}/{number}", cancellationToken))).ConfigureAwait(false);
        return [.. entries.Select(HolderOf).OfType<LockHolder>()];
    }

    /// <summary>An election of one leader at a time: a lock by that name, seen as what it is used for.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The election's name, also of its guard: 1 to <see cref="Guard.MaxNameBytes"/> bytes.</param>
    /// <param name="ttl">How long there is no leader when it dies or is cut off. See <see cref="LeaseLimits"/>.</param>
    public LeaderElection Election(string keyspace, string name, TimeSpan ttl) => new(this, client, time, keyspace, name, ttl);

    /// <summary>Renews nothing any more. Locks that are held are lost after their life, unless they are released.</summary>
    public void Dispose() => keeper.Dispose();

    internal static LockHolder? HolderOf(KeyValueEntry? entry) => entry is null ? null
        : new(entry.ValueText() is { Length: > OwnerLength } text ? text[(OwnerLength + 1)..] : "", entry.CreateRevision);

    // What passes by itself is waited for.
    internal static bool IsLasting(RejectionReason reason) => reason is not (RejectionReason.Unavailable or RejectionReason.Overloaded or RejectionReason.NotReady
        or RejectionReason.StoreFull or RejectionReason.LeaseNotFound or RejectionReason.SessionExpired);

    private static Contest OfSemaphore(string keyspace, string name, int places) => places is >= 1 and <= MaxPlaces
        ? Contest.OfSemaphore(keyspace, name, places)
        : throw new ArgumentOutOfRangeException(nameof(places), places, $"a semaphore has 1 to {MaxPlaces} places");

    private async Task<DistributedLock?> AcquireAsync(Contest contest, TimeSpan ttl, TimeSpan? patience, string? holder, CancellationToken cancellationToken)
    {
        holder ??= Environment.MachineName;
        if (Encoding.UTF8.GetByteCount(holder) > MaxHolderBytes)
        {
            throw new ArgumentException($"a holder's name has at most {MaxHolderBytes} bytes", nameof(holder));
        }

        var startedAt = time.GetTimestamp();
        var attempt = new AcquireAttempt(client, time, jitter, contest, ttl, $"{Guid.NewGuid():N} {holder}");
        var pause = FirstPause;
        DistributedLock? held = null;
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var problem = await attempt.TryAsync(cancellationToken).ConfigureAwait(false);
                if (attempt.Won is { } won)
                {
                    return held = await HoldAsync(contest, won, ttl, cancellationToken).ConfigureAwait(false);
                }

                var left = patience is { } some ? some - time.GetElapsedTime(startedAt) : TimeSpan.MaxValue;
                if (problem is not null && (IsLasting(problem.Reason) || left <= TimeSpan.Zero))
                {
                    throw new MultiDcUnavailableException(problem.Reason, $"{(contest.CapacityKey is null ? "lock" : "semaphore")} '{contest.Name}': {problem.Detail}");
                }

                if (left <= TimeSpan.Zero)
                {
                    return null;
                }

                if (problem is not null || !await WatchForReleaseAsync(contest, attempt.SeenAt, Least(left, LongestWatch * (0.5 + jitter())), cancellationToken).ConfigureAwait(false))
                {
                    await Task.Delay(Least(left, pause * (0.5 + jitter())), time, cancellationToken).ConfigureAwait(false);
                    pause = Least(pause * 2, LongestPause);
                }
            }
        }
        finally
        {
            if (held is null)
            {
                // What became of an attempt without an answer is unknown: with the lease, the lock goes that may have been got.
                await attempt.AbandonAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits until a place becomes free after the revision, or for so long. False: no watch was served, and nothing was waited for.</summary>
    private async Task<bool> WatchForReleaseAsync(Contest contest, Revision seenAt, TimeSpan atMost, CancellationToken cancellationToken)
    {
        if (seenAt == default)
        {
            return false;
        }

        using var enough = new CancellationTokenSource(atMost, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(enough.Token, cancellationToken);
        try
        {
            await foreach (var batch in client.WatchAsync(contest.Keyspace, contest.Releases, WatchStart.After(seenAt), null, either.Token).ConfigureAwait(false))
            {
                if (batch.Events.Any(static change => change.Entry is null))
                {
                    await Task.Delay(Least(atMost, Spread * jitter()), time, cancellationToken).ConfigureAwait(false);
                    return true;
                }
            }

            return false;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return true;
        }
        catch (Exception exception) when (exception is WatchCompactedException or MultiDcUnavailableException)
        {
            return false;
        }
    }

    private async Task<DistributedLock> HoldAsync(Contest contest, WonPlace won, TimeSpan ttl, CancellationToken cancellationToken)
    {
        var group = await GroupOfAsync(contest.Keyspace, won.Place.Key, cancellationToken).ConfigureAwait(false);
        var kept = new KeptLease(contest.Keyspace, group, won.Place.Key, won.Lease, ttl) { ValidUntil = won.ValidUntil };
        var held = new DistributedLock(kept, contest.Name, won.Place.GuardName, won.Token, time, ReleaseAsync, keeper.Forget);
        keeper.Keep(kept);
        return held;
    }

    private Task<WriteResult> ReleaseAsync(DistributedLock held, CancellationToken cancellationToken) =>
        client.RevokeLeaseAsync(held.Lease.Keyspace, held.Lease.Key, held.Lease.Id, null, cancellationToken);

    private async Task<KeyValueEntry?> ReadAsync(string keyspace, string key, CancellationToken cancellationToken) =>
        await client.GetAsync(keyspace, key, ReadLevel.Linearizable, null, cancellationToken).ConfigureAwait(false) switch
        {
            ReadServed served => served.Entry,
            ReadRejected rejected => throw new MultiDcUnavailableException(rejected.Reason, rejected.Detail),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;

    // Which leases can be renewed by one call. A keyspace keeps its shards for good; as long as nobody tells them, each lock goes alone.
    private async Task<string> GroupOfAsync(string keyspace, string key, CancellationToken cancellationToken)
    {
        if (!keyspaces.TryGetValue(keyspace, out var descriptor) && await client.GetRingAsync(cancellationToken).ConfigureAwait(false) is { } ring
            && ring.TryGetKeyspace(keyspace, out descriptor))
        {
            keyspaces[keyspace] = descriptor;
        }

        return descriptor is null ? $"{keyspace}/{key}" : RingSnapshot.ShardOf(descriptor, Encoding.UTF8.GetBytes(key)).ToString();
    }
}
