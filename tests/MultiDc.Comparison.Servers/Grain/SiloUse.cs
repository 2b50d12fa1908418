using Orleans.Providers;

namespace MultiDc.Comparison.Servers.Grain;

/// <summary>What a silo's process has used since it started.</summary>
/// <param name="ProcessId">The process.</param>
/// <param name="ProcessorTime">User and kernel time of all threads.</param>
/// <param name="AllocatedBytes">What was allocated on the managed heap.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.Comparison.SiloUse")]
internal sealed record SiloUse([property: Id(0)] int ProcessId, [property: Id(1)] TimeSpan ProcessorTime, [property: Id(2)] long AllocatedBytes);

/// <summary>Tells what this silo has used: Orleans' management grain asks all silos of a cluster.</summary>
/// <remarks>Serializable, as otherwise its name is not allowed in that grain's call.</remarks>
[GenerateSerializer, Alias("MultiDc.Comparison.SiloUseTeller")]
internal sealed class SiloUseTeller : IControllable
{
    public const string Name = "use";

    public Task<object?> ExecuteCommand(int command, object? arg) =>
        Task.FromResult<object?>(new SiloUse(Environment.ProcessId, Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes()));
}
