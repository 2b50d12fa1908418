using Microsoft.Extensions.DependencyInjection;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using Orleans.Storage;

namespace MultiDc.Server.Ring;

/// <summary>
/// The last ring that a datacenter has seen, kept in grain storage where there is one, so that a silo that starts while the other
/// datacenters are away knows the keyspaces and wakes its replicas. Never the truth: the first ring read from the ring's shard takes its
/// place, whatever its version. One that another store left behind does not count.
/// </summary>
internal sealed partial class RingMemory(
    ReplicaRecords records, TimeProvider time, ILogger<RingMemory> logger, [FromKeyedServices(RingMemory.StorageName)] IGrainStorage? storage = null)
{
    /// <summary>The name of the grain storage; where none of this name is registered, nothing is kept.</summary>
    public const string StorageName = "multidc";

    private const string StateName = "ring";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly GrainState<RememberedRing> kept = new() { State = new() };

    private bool IsOurs => kept.State is { Ring.Length: > 0 } ring && ring.StoreId == records.StoreId;

    /// <summary>The ring that was kept last; null when there is none or the storage does not answer.</summary>
    public async Task<RingSnapshot?> RecallAsync(GrainId grain)
    {
        if (storage is null)
        {
            return null;
        }

        try
        {
            await storage.ReadStateAsync(StateName, grain, kept).WaitAsync(Patience, time);
            return IsOurs ? RingSnapshotJson.Deserialize(kept.State!.Ring) : null;
        }
        catch (Exception exception)
        {
            LogNotRecalled(logger, exception.Message);
            return null;
        }
    }

    /// <summary>Keeps a ring read from the ring's shard, unless a newer one of this store is kept.</summary>
    public async Task KeepAsync(GrainId grain, RingSnapshot ring)
    {
        if (storage is null || (IsOurs && kept.State!.Version >= ring.Version.Value))
        {
            return;
        }

        var before = kept.State;
        try
        {
            kept.State = new() { StoreId = records.StoreId, Version = ring.Version.Value, Ring = RingSnapshotJson.Serialize(ring) };
            await storage.WriteStateAsync(StateName, grain, kept);
        }
        catch (Exception exception)
        {
            // Another activation wrote it, or the storage is away. The next refresh tries again, on top of what is there then.
            kept.State = before;
            LogNotKept(logger, ring.Version.Value, exception.Message);
            await RecallAsync(grain);
        }
    }

    [LoggerMessage(1104, LogLevel.Debug, "The last ring could not be read from grain storage: {Reason}")]
    private static partial void LogNotRecalled(ILogger logger, string reason);

    [LoggerMessage(1105, LogLevel.Debug, "Ring version {Version} could not be kept in grain storage: {Reason}")]
    private static partial void LogNotKept(ILogger logger, ulong version, string reason);
}

/// <summary>A ring in grain storage.</summary>
[GenerateSerializer, Alias("MultiDc.RememberedRing")]
internal sealed class RememberedRing
{
    /// <summary>The store of the silo that saw it.</summary>
    [Id(0)]
    public Guid StoreId { get; set; }

    /// <summary>Its version.</summary>
    [Id(1)]
    public ulong Version { get; set; }

    /// <summary>The ring as the ring's shard holds it.</summary>
    [Id(2)]
    public byte[] Ring { get; set; } = [];
}
