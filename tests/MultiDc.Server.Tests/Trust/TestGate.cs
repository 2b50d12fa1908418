using Microsoft.Extensions.Logging.Abstractions;
using MultiDc.Server.Replication;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Tests;

/// <summary>The gate of a silo in tests, for those that only need one.</summary>
internal static class TestGate
{
    public static SiloGate Open { get; } = Of(new('k', SiloGate.MinKeyLength));

    public static SiloGate Of(string key, string clusterId = "test") => new(clusterId, key, new ReplicaMetrics(null), TimeProvider.System, NullLogger<SiloGate>.Instance);
}
