using System.Text;
using MultiDc.Grains;

namespace MultiDc.Client.Locks;

/// <summary>
/// A lock that was acquired, or a place of a semaphore: one key, bound to one lease, which is kept alive in the background until the lock is released. Being held is a matter of time, and a process can be paused between any look at
/// <see cref="Lost"/> and what it does next. So let what the lock protects check for itself: write it with <see cref="Guard"/>, or in a batch with <see cref="StillHeld"/>.
/// </summary>
public sealed class DistributedLock : IAsyncDisposable
{
    private readonly CancellationTokenSource lost = new();
    private readonly ITimer timer;
    private readonly TimeProvider time;
    private readonly Func<DistributedLock, CancellationToken, Task<WriteResult>> release;
    private readonly Action<KeptLease> forget;
    private readonly string guardName;
    private readonly Lock renewing = new();
    private long validUntil;
    private bool hasEnded;
    private bool isReleased;

    internal DistributedLock(
        KeptLease lease, string name, string guardName, Revision token, TimeProvider time, Func<DistributedLock, CancellationToken, Task<WriteResult>> release, Action<KeptLease> forget)
    {
        this.forget = forget;
        this.guardName = guardName;
        this.time = time;
        this.release = release;
        Lease = lease;
        Name = name;
        Token = token;
        Lost = lost.Token;
        timer = time.CreateTimer(static self => ((DistributedLock)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        lease.Renewed = Renew;
        lease.Gone = End;
        Renew(lease.ValidUntil);
    }

    /// <summary>The name of the lock or semaphore.</summary>
    public string Name { get; }

    /// <summary>The fencing token: the revision that acquired the lock. Greater than that of everybody who held it, or this place of the semaphore, before.</summary>
    public Revision Token { get; }

    /// <summary>
    /// For writes to the lock's own shard, that is to keys with the same <c>{tag}</c>: refused as <see cref="RejectionReason.FencingTokenStale"/> from the moment at which another acquires the lock. For
    /// writes to other shards: refused once the later holder has written there with its own guard. Of a semaphore each place has its own: refused when another acquires this very place, so that never more
    /// tokens are good than there are places.
    /// </summary>
    public Guard Guard => new(guardName, Token.Value);

    /// <summary>For batches in the lock's own shard: the lock is held, and by this holder. Leaves nothing behind on the shard, as the guard's name does.</summary>
    public Compare StillHeld => Compare.CreateRevision(Encoding.UTF8.GetBytes(Lease.Key), CompareRelation.Equal, Token);

    /// <summary>
    /// Cancelled when the lock is released, when the shard tells that its lease is no more, or when a whole life has passed since the last renewal that was answered was sent: not later than the shard gives the
    /// lock to another, as far as this process runs and its monotonic clock keeps the rate of the leader's.
    /// </summary>
    public CancellationToken Lost { get; }

    internal KeptLease Lease { get; }

    /// <summary>Gives the lock back. Whatever the outcome, it is held no more here; if it is not <see cref="Applied"/>, others may have to wait until the lease expires.</summary>
    /// <param name="cancellationToken">Gives up waiting for the answer.</param>
    /// <returns><see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.LeaseNotFound"/>, when it was lost already; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public Task<WriteResult> ReleaseAsync(CancellationToken cancellationToken = default)
    {
        isReleased = true;
        End();
        return release(this, cancellationToken);
    }

    /// <summary>Gives the lock back, if it was not. What cannot be given back expires.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!isReleased)
            {
                await ReleaseAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            await timer.DisposeAsync().ConfigureAwait(false);
            lost.Dispose();
        }
    }

    private void Renew(long until)
    {
        lock (renewing)
        {
            validUntil = until;
            if (!hasEnded)
            {
                var now = time.GetTimestamp();
                timer.Change(until > now ? time.GetElapsedTime(now, until) : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void OnTimer()
    {
        lock (renewing)
        {
            if (time.GetTimestamp() < validUntil)
            {
                // Renewed meanwhile, or the timer was early by a fraction.
                timer.Change(time.GetElapsedTime(time.GetTimestamp(), validUntil) + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
                return;
            }
        }

        End();
    }

    private void End()
    {
        lock (renewing)
        {
            if (hasEnded)
            {
                return;
            }

            hasEnded = true;
        }

        // Of what is lost for having had no answer, a late answer makes nothing: it is not renewed any more.
        forget(Lease);
        _ = lost.CancelAsync();
    }
}
