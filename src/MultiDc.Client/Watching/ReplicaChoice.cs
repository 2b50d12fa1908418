namespace MultiDc.Client.Watching;

/// <summary>
/// Which replica of a shard a watch asks: one of the own datacenter's, or else the nearest that serves, and now and then the own datacenter's first again. Pure but for
/// its own state.
/// </summary>
internal sealed class ReplicaChoice(IReadOnlyList<ReplicaPlace> nearestFirst, Func<ReplicaPlace, bool> isUp, TimeSpan returnPeriod, TimeProvider time)
{
    private readonly HashSet<ReplicaPlace> failed = [];
    private ReplicaPlace? serving;
    private long leftHomeAt;

    /// <summary>The replica to ask.</summary>
    public ReplicaPlace Current { get; private set; } = nearestFirst.Where(isUp).Append(nearestFirst[0]).First();

    /// <summary>Whether the replica to ask has served the last request.</summary>
    public bool IsServing => serving == Current;

    private ReplicaPlace Home => nearestFirst[0];

    /// <summary>The replica served.</summary>
    public void Served()
    {
        failed.Clear();
        serving = Current;
        if (Current.Datacenter != Home.Datacenter && isUp(Home) && time.GetElapsedTime(leftHomeAt) >= returnPeriod)
        {
            leftHomeAt = time.GetTimestamp();
            Current = Home;
        }
    }

    /// <summary>The replica did not serve. False: all were asked since one did, so pause first.</summary>
    public bool MoveNext(IEnumerable<ReplicaPlace> inVain)
    {
        failed.Add(Current);
        serving = serving == Current ? null : serving;
        if (Current.Datacenter == Home.Datacenter)
        {
            leftHomeAt = time.GetTimestamp();
        }

        // Home had only been tried again: whoever served goes on.
        var left = nearestFirst.Except(inVain).DefaultIfEmpty(Home).ToArray();
        var next = left.Where(d => !failed.Contains(d)).OrderBy(d => d == serving ? 0 : isUp(d) ? 1 : 2).Cast<ReplicaPlace?>().FirstOrDefault();
        if (next is { } other)
        {
            Current = other;
            return true;
        }

        failed.Clear();
        serving = null;
        Current = left.Where(isUp).Append(left[0]).First();
        return false;
    }
}
