using Microsoft.Extensions.Logging;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;

namespace MultiDc.Client;

/// <summary>
/// The ring as this client last heard of it, asked of its own datacenter first and of the others when that one is away. Routing
/// information only: a replica refuses what does not belong to it.
/// </summary>
internal sealed partial class RingCache(IDatacenterLinks links, TimeProvider time, ILogger<RingCache> logger, TimeSpan? refreshPeriod = null)
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    private readonly Lock adopting = new();
    private volatile RingSnapshot? snapshot;
    private long toldAt;
    private int refreshing;

    /// <summary>Finds a keyspace, asking the datacenters if it is not known here, until one tells a ring or the deadline comes.</summary>
    /// <returns>The keyspace, or why there is none.</returns>
    public async ValueTask<(KeyspaceDescriptor? Keyspace, Rejected? Problem)> FindAsync(string name, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        while (true)
        {
            if (snapshot is { } ring && ring.TryGetKeyspace(name, out var keyspace))
            {
                RefreshNowAndThen();
                return (keyspace, null);
            }

            if (await RefreshAsync(cancellationToken).ConfigureAwait(false) is { } newest)
            {
                return newest.TryGetKeyspace(name, out keyspace)
                    ? (keyspace, null)
                    : (null, new(RejectionReason.UnknownKeyspace, $"there is no keyspace '{name}'; there are {string.Join(", ", newest.Keyspaces.Select(static k => $"'{k.Name}'"))}"));
            }

            if (time.GetElapsedTime(startedAt) + RetryPause >= timeout)
            {
                return (null, new(RejectionReason.Unavailable, $"no datacenter told its ring: {string.Join(", ", links.Datacenters)} do not answer"));
            }

            await Task.Delay(RetryPause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Finds a keyspace whose shards, as this client knew them, are no more: one may have been created under its name since.</summary>
    /// <returns>The keyspace; null when there is none, or none that this client did not know.</returns>
    public async Task<KeyspaceDescriptor?> FindSuccessorAsync(KeyspaceDescriptor gone, CancellationToken cancellationToken) =>
        await RefreshAsync(cancellationToken).ConfigureAwait(false) is { } newest && newest.TryGetKeyspace(gone.Name, out var found) && found.Group != gone.Group ? found : null;

    /// <summary>Asks the datacenters in order of preference until one tells its ring; null when none does.</summary>
    public async Task<RingSnapshot?> RefreshAsync(CancellationToken cancellationToken)
    {
        foreach (var datacenter in links.Datacenters.OrderBy(d => links.TryGetLink(d, out var way) && way.IsUp ? 0 : 1).ThenBy(d => d == links.Local ? 0 : 1))
        {
            if (!links.TryGetLink(datacenter, out var link) || !link.TryGetGrain<IRingGrain>(datacenter.Value, out var ringGrain))
            {
                continue;
            }

            try
            {
                if (await ringGrain.GetSnapshotAsync(default).WaitAsync(CallTimeout, time, cancellationToken).ConfigureAwait(false) is { } told)
                {
                    return Newer(told);
                }
            }
            catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
            {
                LogNotTold(logger, datacenter, exception.Message);
            }
        }

        return null;
    }

    // Shards are for good, but what can be altered is learnt of nowhere else.
    private void RefreshNowAndThen()
    {
        if (refreshPeriod is { } period && time.GetElapsedTime(Interlocked.Read(ref toldAt)) > period && Interlocked.Exchange(ref refreshing, 1) == 0)
        {
            _ = RefreshInBackgroundAsync();
        }
    }

    private async Task RefreshInBackgroundAsync()
    {
        try
        {
            await RefreshAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            // Whether or not one was told: not again at once.
            Interlocked.Exchange(ref toldAt, time.GetTimestamp());
            Interlocked.Exchange(ref refreshing, 0);
        }
    }

    // A datacenter may lag behind what another told before.
    private RingSnapshot Newer(RingSnapshot told)
    {
        Interlocked.Exchange(ref toldAt, time.GetTimestamp());
        lock (adopting)
        {
            return snapshot is { } known && known.Version.Value >= told.Version.Value ? known : snapshot = told;
        }
    }

    [LoggerMessage(4000, LogLevel.Debug, "Datacenter {Datacenter} did not tell its ring: {Reason}")]
    private static partial void LogNotTold(ILogger logger, DatacenterId datacenter, string reason);
}
