namespace MultiDc.Server.Replication;

/// <summary>How time reaches the core: as ticks, and as readings of the monotonic clock where leases need them (dissertation §6.4.1).</summary>
internal sealed partial class ReplicaPump
{
    private ITickSource? tickSource;
    private IDisposable? tickRegistration;
    private bool isMisplaced;

    /// <summary>Where leaders should be, best first, asked again at each tick; null: as <see cref="ReplicaPumpOptions.PreferredLeaders"/> says.</summary>
    public Func<IReadOnlyList<DatacenterTag>>? PreferredLeaders { get; init; }

    /// <summary>One tick has passed. Of ticks that come while the pump is held up, no more count than those in which nothing was to happen, and one.</summary>
    public void Tick() => inbox.Tick();

    /// <summary>Whether the node waits for an input. A pump with a tick source then takes no ticks either, so that an idle group costs nothing.</summary>
    public bool IsQuiesced => status.IsQuiesced;

    private MonotonicTime Now() => new((long)((Int128)time.GetTimestamp() * 1_000_000_000 / time.TimestampFrequency));

    /// <summary>Before each input that may hold or give a promise, so that no reading is older than the arrival of what it is compared with.</summary>
    private void ObserveTime()
    {
        if (usesLeases)
        {
            node.ObserveTime(Now());
        }
    }

    private void MoveToPreferredLeader()
    {
        if (node.Role != RaftRole.Leader)
        {
            CountMisplaced(false);
            return;
        }

        var order = PreferredLeaders?.Invoke() ?? options.PreferredLeaders;
        if (order.Count > 0 && node.MoveToPreferredLeader(order) is { IsNone: false } target)
        {
            LogMoving(logger, sender.Address, members.PlaceOf(target));
        }

        CountMisplaced(order.Count > 0 && !PreferredLeader.Choose(order, node.Configuration, node.Id, static _ => true).IsNone);
    }

    private void CountMisplaced(bool isNow)
    {
        if (isNow != isMisplaced)
        {
            isMisplaced = isNow;
            metrics.LeadersMisplaced.Add(isNow ? 1 : -1);
        }
    }

    /// <summary>Ticks are taken while the node needs them. Runs on the pump's own turns, so registrations follow each other.</summary>
    private void KeepTicking()
    {
        // Not more than a third of the election timeout: if it is not the leader that is silent but this pump that was held up, the rest is there to notice.
        inbox.ExpectUneventful(Math.Min(node.UneventfulTicks, epochCheckTicks / 3));
        if (node.IsQuiesced)
        {
            tickRegistration?.Dispose();
            tickRegistration = null;
        }
        else
        {
            tickRegistration ??= tickSource?.Register(Tick);
        }
    }
}
