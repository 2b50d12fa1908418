using System.Collections.Immutable;

namespace MultiDc.Grains;

/// <summary>What the silos of a datacenter have used so far. The grain's key is the datacenter; two answers are subtracted to learn what was used between them.</summary>
[Alias("MultiDc.IUsageGrain")]
public interface IUsageGrain : IGrainWithStringKey
{
    /// <summary>One entry for each silo of the datacenter that answers, by name; silos that do not are left out.</summary>
    [Alias("GetUsage")]
    Task<ImmutableArray<SiloUsage>> GetUsageAsync();
}

/// <summary>What the process of a silo has used since it started.</summary>
/// <param name="Silo">The silo's name.</param>
/// <param name="Process">Made when the process started: silos that share a process tell the same, one that was restarted another.</param>
/// <param name="ProcessorTime">User and kernel time of all threads.</param>
/// <param name="AllocatedBytes">What was allocated on the managed heap.</param>
/// <param name="DiskBytes">Bytes that went to disk, by <c>write_bytes</c> of /proc/self/io: without the file system's journal. Null where the system does not tell.</param>
/// <param name="Flushes">Times that a store waited for its disk or database: commits of the log, and of applied state.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.SiloUsage")]
public sealed record SiloUsage(
    [property: Id(0)] string Silo,
    [property: Id(1)] Guid Process,
    [property: Id(2)] TimeSpan ProcessorTime,
    [property: Id(3)] long AllocatedBytes,
    [property: Id(4)] long? DiskBytes,
    [property: Id(5)] long Flushes);
