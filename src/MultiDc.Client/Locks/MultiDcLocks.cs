using System.Collections.Concurrent;
using System.Text;
using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Client.Locks;

/// <summary>Who holds a lock.</summary>
/// <param name="Holder">What it called itself when it acquired the lock.</param>
/// <param name="Token">Its fencing token.</param>
public sealed record LockHolder(string Holder, Revision Token);

/// <summary>
/// Locks with fencing tokens, and so leader election: whoever holds the lock leads. A lock is a key bound to a lease, <c>multidc.lock/{name}</c>, in the shard of <c>{name}</c>, where what it protects belongs too;
/// of a name that has a <c>{tag}</c> itself, in the shard of that. One object per client is enough; it sends one keep-alive per shard, however many locks are held.
/// </summary>
/// <remarks>
/// Every name that was ever locked takes one of the shard's <see cref="Guard.MaxGuardsOfShard"/> places for guards, until <see cref="MultiDcClientOperationExtensions.ForgetGuardAsync"/>. Who waits asks again after at most half a second; nobody is served first for having come first.
/// </remarks>
public sealed class MultiDcLocks : IDisposable
{
    private const int OwnerLength = 32;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

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

    /// <summary>The key that the lock is.</summary>
    public static string KeyOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var bytes = Encoding.UTF8.GetBytes(name);
        return HashRange.PartitionOf(bytes).Length < bytes.Length ? $"multidc.lock/{name}" : $"multidc.lock/{{{name}}}";
    }

    /// <summary>Waits for the lock until it has it.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="name">The lock's name, also of its guard: 1 to <see cref="Guard.MaxNameBytes"/> bytes.</param>
    /// <param name="ttl">How long others wait when this process dies or is cut off; it is renewed each third of that. See <see cref="LeaseLimits"/>.</param>
    /// <param name="holder">What to call the holder, for people; null: the machine's name.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>. What was begun expires by itself.</param>
    /// <exception cref="MultiDcUnavailableException">It will be refused every time: <see cref="MultiDcUnavailableException.Reason"/> says why. While the shard is away it is waited for.</exception>
    public async Task<DistributedLock> AcquireAsync(string keyspace, string name, TimeSpan ttl, string? holder = null, CancellationToken cancellationToken = default) =>
        (await AcquireAsync(keyspace, name, ttl, null, holder, cancellationToken).ConfigureAwait(false))!;

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
        AcquireAsync(keyspace, name, ttl, (TimeSpan?)patience, holder, cancellationToken);

    /// <summary>Who holds the lock now, by a linearizable read; null: nobody.</summary>
    /// <exception cref="MultiDcUnavailableException">The read was not served.</exception>
    public async Task<LockHolder?> GetHolderAsync(string keyspace, string name, CancellationToken cancellationToken = default) =>
        await client.GetAsync(keyspace, KeyOf(name), ReadLevel.Linearizable, null, cancellationToken).ConfigureAwait(false) switch
        {
            ReadServed { Entry: { } entry } => new(entry.ValueText()[(OwnerLength + 1)..], entry.CreateRevision),
            ReadRejected rejected => throw new MultiDcUnavailableException(rejected.Reason, rejected.Detail),
            _ => null,
        };

    /// <summary>Renews nothing any more. Locks that are held are lost after their life, unless they are released.</summary>
    public void Dispose() => keeper.Dispose();

    private async Task<DistributedLock?> AcquireAsync(string keyspace, string name, TimeSpan ttl, TimeSpan? patience, string? holder, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        var key = KeyOf(name);
        var attempt = new Attempt(this, keyspace, key, name, ttl, $"{Guid.NewGuid():N} {holder ?? Environment.MachineName}");
        var pause = FirstPause;
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var problem = await attempt.TryAsync(cancellationToken).ConfigureAwait(false);
                if (attempt.Acquired is { } acquired)
                {
                    return acquired;
                }

                if (problem is { Reason: not (RejectionReason.Unavailable or RejectionReason.Overloaded or RejectionReason.NotReady or RejectionReason.StoreFull or RejectionReason.LeaseNotFound or RejectionReason.SessionExpired) }
                    || (problem is not null && time.GetElapsedTime(startedAt) >= patience))
                {
                    throw new MultiDcUnavailableException(problem.Reason, $"lock '{name}': {problem.Detail}");
                }

                if (time.GetElapsedTime(startedAt) >= patience)
                {
                    return null;
                }

                await Task.Delay(pause * (0.5 + jitter()), time, cancellationToken).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
        finally
        {
            if (attempt.Acquired is null)
            {
                // What became of an attempt without an answer is unknown: with the lease, the lock goes that may have been got.
                await attempt.AbandonAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<WriteResult> ReleaseAsync(DistributedLock held, CancellationToken cancellationToken)
    {
        return await client.RevokeLeaseAsync(held.Lease.Keyspace, held.Lease.Key, held.Lease.Id, null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One caller's way to the lock.</summary>
    private sealed class Attempt(MultiDcLocks locks, string keyspace, string key, string name, TimeSpan ttl, string owner)
    {
        private LeaseId lease;
        private long grantSentAt;
        private bool mayHold;

        public DistributedLock? Acquired { get; private set; }

        /// <returns>Why nobody can tell; null: acquired, or held by another.</returns>
        public async Task<Rejected?> TryAsync(CancellationToken cancellationToken)
        {
            // To look costs others less than to write: who waits writes nothing, and has no lease.
            var read = await locks.client.GetAsync(keyspace, key, ReadLevel.Linearizable, null, cancellationToken).ConfigureAwait(false);
            if (read is ReadRejected rejected)
            {
                return new(rejected.Reason, rejected.Detail);
            }

            if (read is ReadServed { Entry: { } entry } && !IsOwn(entry))
            {
                return null;
            }

            if (lease.IsNone || (!mayHold && locks.time.GetElapsedTime(grantSentAt) > ttl / 3))
            {
                await AbandonAsync().ConfigureAwait(false);
                var sentAt = locks.time.GetTimestamp();
                var granted = await locks.client.GrantLeaseAsync(keyspace, key, ttl, null, cancellationToken).ConfigureAwait(false);
                if (granted is not Applied applied)
                {
                    return ProblemOf(granted);
                }

                (lease, grantSentAt) = (applied.LeaseOf(), sentAt);
            }

            mayHold = true;
            var result = await locks.client.BatchAsync(
                keyspace,
                [When.Absent(key)],
                [new PutOperation(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(owner)) { Lease = lease }, new FenceOperation(Encoding.UTF8.GetBytes(key), name)],
                [Do.Get(key)],
                cancellationToken: cancellationToken).ConfigureAwait(false);
            switch (result)
            {
                case AppliedBatch { Succeeded: true } batch:
                    await HoldAsync(batch.Revision, cancellationToken).ConfigureAwait(false);
                    return null;

                // An earlier attempt, with a lease that was abandoned since: that ends without anybody being told.
                case AppliedBatch { Results: [{ Entry: { } present }] } when IsOwn(present) && present.Lease != lease:
                    mayHold = false;
                    var revoked = await locks.client.RevokeLeaseAsync(keyspace, key, present.Lease, null, cancellationToken).ConfigureAwait(false);
                    return revoked is Applied or Rejected { Reason: RejectionReason.LeaseNotFound } ? null : ProblemOf(revoked);

                // An earlier attempt, whose answer was lost.
                case AppliedBatch { Results: [{ Entry: { } present }] } when IsOwn(present):
                    await HoldAsync(present.CreateRevision, cancellationToken).ConfigureAwait(false);
                    return null;

                case Applied:
                    mayHold = false;
                    return null;

                case Rejected { Reason: RejectionReason.LeaseNotFound }:
                    (lease, mayHold) = (default, false);
                    return ProblemOf(result);

                default:
                    return ProblemOf(result);
            }
        }

        public async Task AbandonAsync()
        {
            if (!lease.IsNone)
            {
                var last = lease;
                (lease, mayHold) = (default, false);
                try
                {
                    // If this fails, it expires.
                    await locks.client.RevokeLeaseAsync(keyspace, key, last, ttl).ConfigureAwait(false);
                }
                catch (Exception exception) when (exception is not OutOfMemoryException)
                {
                    // Whoever gives up is told why it gave up, not of this.
                }
            }
        }

        private async Task HoldAsync(Revision token, CancellationToken cancellationToken)
        {
            var group = await locks.GroupOfAsync(keyspace, key, cancellationToken).ConfigureAwait(false);
            var kept = new KeptLease(keyspace, group, key, lease, ttl) { ValidUntil = grantSentAt + (long)(ttl.TotalSeconds * locks.time.TimestampFrequency) };
            Acquired = new(kept, name, token, locks.time, locks.ReleaseAsync, locks.keeper.Forget);
            locks.keeper.Keep(kept);
        }

        private bool IsOwn(KeyValueEntry entry) => entry.ValueText() == owner;

        private static Rejected ProblemOf(WriteResult result) => result as Rejected ?? new(RejectionReason.Unavailable, (result as Unknown)?.Detail ?? "");
    }

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
