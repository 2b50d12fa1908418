namespace MultiDc.Host.Bench;

/// <summary>What processes used between two moments, added up; null: not every one of them told it at both.</summary>
internal sealed record ResourceUse(int Processes, TimeSpan ProcessorTime, long? AllocatedBytes, long? DiskBytes, long? Flushes)
{
    /// <summary>Null when they are not the same processes before and after, or nobody tells.</summary>
    public static ResourceUse? Between(IReadOnlyList<ServerUsage> before, IReadOnlyList<ServerUsage> after)
    {
        var (first, last) = (before.DistinctBy(static usage => usage.Process).ToDictionary(static usage => usage.Process), after.DistinctBy(static usage => usage.Process).ToArray());
        return first.Count == 0 || first.Count != last.Length || !last.All(usage => first.ContainsKey(usage.Process))
            ? null
            : new(
                last.Length,
                last.Aggregate(TimeSpan.Zero, (sum, usage) => sum + usage.ProcessorTime - first[usage.Process].ProcessorTime),
                Sum(static usage => usage.AllocatedBytes),
                Sum(static usage => usage.DiskBytes),
                Sum(static usage => usage.Flushes));

        // A sum with null in it is null, unlike Enumerable.Sum's.
        long? Sum(Func<ServerUsage, long?> of) => last.Aggregate((long?)0, (sum, usage) => sum + (of(usage) - of(first[usage.Process])));
    }
}
