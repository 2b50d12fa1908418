namespace MultiDc.Client;

/// <summary>How patiently a client watches.</summary>
public sealed class WatchSettings
{
    /// <summary>
    /// How long a replica keeps a request that finds no change; then it tells how far it is, and is asked again. The time after which a replica whose silo was
    /// lost without a trace is given up, too. 100 ms to 20 s. Default: 4 s; Orleans logs calls that take longer than 5 s.
    /// </summary>
    public TimeSpan PollTime { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// A replica where nothing changes must have heard that long ago, at most, that nothing has changed elsewhere, or the watch goes on at another: how long a
    /// watch may stand still at a replica that is cut off, besides <see cref="PollTime"/>. At least 100 ms. Default: 10 s.
    /// </summary>
    public TimeSpan MaxStaleness { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a watch that had to go on elsewhere tries to return to its own datacenter. At least 100 ms. Default: 10 s.</summary>
    public TimeSpan ReturnPeriod { get; set; } = TimeSpan.FromSeconds(10);

    internal IEnumerable<string> Problems()
    {
        if (PollTime < TimeSpan.FromMilliseconds(100) || PollTime > TimeSpan.FromSeconds(20))
        {
            yield return $"Watch:PollTime {PollTime} is not within 100 ms to 20 s";
        }

        if (MaxStaleness < TimeSpan.FromMilliseconds(100))
        {
            yield return $"Watch:MaxStaleness {MaxStaleness} is below 100 ms";
        }

        if (ReturnPeriod < TimeSpan.FromMilliseconds(100))
        {
            yield return $"Watch:ReturnPeriod {ReturnPeriod} is below 100 ms";
        }
    }
}
