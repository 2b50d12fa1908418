using MultiDc.Grains;

namespace MultiDc.Client.Locks;

/// <summary>A lease that is kept alive.</summary>
/// <param name="keyspace">The keyspace.</param>
/// <param name="group">Which leases are renewed together: those of one shard.</param>
/// <param name="key">A key of the shard: the lock's.</param>
/// <param name="id">The lease.</param>
/// <param name="ttl">Its life.</param>
internal sealed class KeptLease(string keyspace, string group, string key, LeaseId id, TimeSpan ttl)
{
    public string Keyspace => keyspace;

    public string Group => group;

    public string Key => key;

    public LeaseId Id => id;

    public TimeSpan Ttl => ttl;

    /// <summary>Until when it lives for certain, by this process's clock: its life from when its last renewal was sent.</summary>
    public long ValidUntil { get; set; }

    /// <summary>When it is to be renewed next.</summary>
    public long DueAt { get; set; }

    public Action<long> Renewed { get; set; } = static _ => { };

    public Action Gone { get; set; } = static () => { };
}

/// <summary>Keeps leases alive: for each shard one call at a time renews all of them, a third of the shortest life after the last.</summary>
internal sealed class LeaseKeeper(IMultiDcClient client, TimeProvider time) : IDisposable
{
    private readonly Lock changing = new();
    private readonly Dictionary<string, HashSet<KeptLease>> kept = [];
    private readonly Dictionary<string, TaskCompletionSource> news = [];
    private readonly CancellationTokenSource stopping = new();

    public void Keep(KeptLease lease)
    {
        lock (changing)
        {
            lease.DueAt = lease.ValidUntil - Stamps(lease.Ttl) + Stamps(lease.Ttl / 3);
            if (kept.TryGetValue(lease.Group, out var leases))
            {
                leases.Add(lease);
                news[lease.Group].TrySetResult();
                return;
            }

            kept[lease.Group] = [lease];
            news[lease.Group] = NewNews();
        }

        _ = RunAsync(lease.Group);
    }

    public void Forget(KeptLease lease)
    {
        lock (changing)
        {
            if (kept.TryGetValue(lease.Group, out var leases))
            {
                leases.Remove(lease);
            }
        }
    }

    public void Dispose() => stopping.Cancel();

    private async Task RunAsync(string group)
    {
        while (!stopping.IsCancellationRequested)
        {
            KeptLease[] leases;
            Task heard;
            lock (changing)
            {
                leases = [.. kept[group]];
                if (leases.Length == 0)
                {
                    kept.Remove(group);
                    news.Remove(group);
                    return;
                }

                heard = (news[group] = NewNews()).Task;
            }

            var (now, dueAt) = (time.GetTimestamp(), leases.Min(static lease => lease.DueAt));
            if (now < dueAt)
            {
                using var enough = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
                await Task.WhenAny(Task.Delay(time.GetElapsedTime(now, dueAt) + TimeSpan.FromMilliseconds(1), time, enough.Token), heard).ConfigureAwait(false);
                enough.Cancel();
                continue;
            }

            foreach (var some in leases.Chunk(LeaseLimits.MaxLeasesOfCall))
            {
                await RenewAsync(some).ConfigureAwait(false);
            }
        }
    }

    private async Task RenewAsync(KeptLease[] leases)
    {
        var sentAt = time.GetTimestamp();
        var shortest = leases.Min(static lease => lease.Ttl);
        AppliedKeepAlive? answer = null;
        try
        {
            answer = await client.KeepAliveAsync(leases[0].Keyspace, leases[0].Key, leases.Select(static lease => lease.Id), shortest / 3, stopping.Token).ConfigureAwait(false) as AppliedKeepAlive;
        }
        catch (Exception) when (!stopping.IsCancellationRequested)
        {
            // As good as no answer: it is tried again, and the locks look at their own clocks.
        }
        catch (OperationCanceledException)
        {
            return;
        }

        foreach (var lease in leases)
        {
            if (answer is null)
            {
                lease.DueAt = time.GetTimestamp() + Stamps(shortest / 10);
            }
            else if (answer.Lost.Contains(lease.Id))
            {
                Forget(lease);
                lease.Gone();
            }
            else
            {
                lease.ValidUntil = sentAt + Stamps(lease.Ttl);
                lease.DueAt = sentAt + Stamps(lease.Ttl / 3);
                lease.Renewed(lease.ValidUntil);
            }
        }
    }

    private static TaskCompletionSource NewNews() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private long Stamps(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);
}
