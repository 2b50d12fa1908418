using System.Runtime.CompilerServices;
using System.Text;
using MultiDc.Grains;

namespace MultiDc.Client.Locks;

/// <summary>
/// An election of one leader at a time in the whole system. The shard decides it: it gives the lock of that name to one candidate, whose <see cref="Leadership.Token"/> is greater than those of all leaders before. As with locks a
/// process can be paused and believe to lead when it does not any more: let what the leader writes carry <see cref="Leadership.Guard"/>.
/// </summary>
public sealed class LeaderElection
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly MultiDcLocks locks;
    private readonly IMultiDcClient client;
    private readonly TimeProvider time;
    private readonly TimeSpan ttl;

    internal LeaderElection(MultiDcLocks locks, IMultiDcClient client, TimeProvider time, string keyspace, string name, TimeSpan ttl)
    {
        this.locks = locks;
        this.client = client;
        this.time = time;
        this.ttl = ttl;
        Keyspace = keyspace;
        Name = name;
    }

    /// <summary>The keyspace.</summary>
    public string Keyspace { get; }

    /// <summary>The election's name.</summary>
    public string Name { get; }

    /// <summary>Stands for election and waits until it is won.</summary>
    /// <param name="candidate">What to call the candidate, for those who observe: an address perhaps. At most <see cref="MultiDcLocks.MaxHolderBytes"/> bytes.</param>
    /// <param name="cancellationToken">Stands no more, with <see cref="OperationCanceledException"/>. What was begun expires by itself.</param>
    /// <exception cref="MultiDcUnavailableException">It will be refused every time: <see cref="MultiDcUnavailableException.Reason"/> says why. While the shard is away it is waited for.</exception>
    public async Task<Leadership> CampaignAsync(string candidate, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        return new(candidate, await locks.AcquireAsync(Keyspace, Name, ttl, candidate, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Who leads, by a linearizable read; null: nobody.</summary>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="MultiDcUnavailableException">The read was not served.</exception>
    public Task<LockHolder?> GetLeaderAsync(CancellationToken cancellationToken = default) => locks.GetHolderAsync(Keyspace, Name, cancellationToken);

    /// <summary>
    /// Who leads, and then each change as it happens; null: nobody does at present. In order, with growing tokens. While replicas cannot be reached nothing is told; where the watch had to begin anew, leaders that came and went meanwhile
    /// are left out. What is told is what was: it may be over when it is heard.
    /// </summary>
    /// <param name="cancellationToken">Ends it, with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="MultiDcUnavailableException">It will be refused every time: <see cref="MultiDcUnavailableException.Reason"/> says why.</exception>
    public async IAsyncEnumerable<LockHolder?> ObserveAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var key = Encoding.UTF8.GetBytes(MultiDcLocks.KeyOf(Name));
        var (isFirst, told) = (true, default(LockHolder));
        while (true)
        {
            var read = await client.GetAsync(Keyspace, key, ReadLevel.Linearizable, null, cancellationToken).ConfigureAwait(false);
            if (read is ReadRejected rejected && MultiDcLocks.IsLasting(rejected.Reason))
            {
                throw new MultiDcUnavailableException(rejected.Reason, $"election '{Name}': {rejected.Detail}");
            }

            if (read is ReadServed served)
            {
                var found = MultiDcLocks.HolderOf(served.Entry);
                if (isFirst || found != told)
                {
                    (isFirst, told) = (false, found);
                    yield return told;
                }

                // A silo of an earlier version does not tell the revision.
                if (served.Revision != default)
                {
                    await using var batches = client.WatchAsync(Keyspace, WatchFilter.Key(key), WatchStart.After(served.Revision), null, cancellationToken).GetAsyncEnumerator(cancellationToken);
                    while (await NextAsync(batches).ConfigureAwait(false) is { } batch)
                    {
                        foreach (var change in batch.Events)
                        {
                            var leader = MultiDcLocks.HolderOf(change.Entry);
                            if (leader != told)
                            {
                                told = leader;
                                yield return told;
                            }
                        }
                    }
                }
            }

            await Task.Delay(Pause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    // Null: the watch cannot go on, and the state must be read anew.
    private static async Task<WatchBatch?> NextAsync(IAsyncEnumerator<WatchBatch> batches)
    {
        try
        {
            return await batches.MoveNextAsync().ConfigureAwait(false) ? batches.Current : null;
        }
        catch (Exception exception) when (exception is WatchCompactedException || (exception is MultiDcUnavailableException unavailable && !MultiDcLocks.IsLasting(unavailable.Reason)))
        {
            return null;
        }
    }
}

/// <summary>An election that was won. It is kept until it is resigned, disposed of or lost.</summary>
public sealed class Leadership : IAsyncDisposable
{
    private readonly DistributedLock held;

    internal Leadership(string candidate, DistributedLock held)
    {
        this.held = held;
        Candidate = candidate;
    }

    /// <summary>What the leader calls itself.</summary>
    public string Candidate { get; }

    /// <summary>The fencing token, the leader's term as it were: greater than that of every leader before.</summary>
    public Revision Token => held.Token;

    /// <inheritdoc cref="DistributedLock.Guard"/>
    public Guard Guard => held.Guard;

    /// <summary>For batches in the election's own shard: this is the leader still. Leaves nothing behind on the shard, as the guard's name does.</summary>
    public Compare StillLeads => held.StillHeld;

    /// <summary>Cancelled when the leadership is resigned or lost; see <see cref="DistributedLock.Lost"/>.</summary>
    public CancellationToken Lost => held.Lost;

    /// <summary>Leads no more, so that another can. Whatever the outcome, it does not lead here; if it is not <see cref="Applied"/>, others may have to wait until the lease expires.</summary>
    /// <param name="cancellationToken">Gives up waiting for the answer.</param>
    public Task<WriteResult> ResignAsync(CancellationToken cancellationToken = default) => held.ReleaseAsync(cancellationToken);

    /// <summary>Resigns, if it did not. What cannot be given back expires.</summary>
    public ValueTask DisposeAsync() => held.DisposeAsync();
}
