using System.Collections.Concurrent;
using Orleans.GrainDirectory;

namespace MultiDc.Server.Placement;

/// <summary>
/// A grain directory that knows only the activations of its own silo. With deterministic placement that is enough: a silo that does not
/// find a grain asks the placement director, which sends it to the right silo. Orleans' own directories keep an entry on a silo chosen by
/// hash, so that the loss of a datacenter stalls calls to healthy grains of the others.
/// </summary>
internal sealed class SiloLocalGrainDirectory : IGrainDirectory
{
    /// <summary>The name by which grains ask for this directory.</summary>
    public const string Name = "multidc-silo-local";

    private readonly ConcurrentDictionary<GrainId, GrainAddress> activations = new();

    public Task<GrainAddress?> Register(GrainAddress address) => Register(address, null);

    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress) => Task.FromResult<GrainAddress?>(activations.AddOrUpdate(
        address.GrainId,
        address,
        (_, present) => previousAddress is not null && present.ActivationId == previousAddress.ActivationId ? address : present));

    public Task Unregister(GrainAddress address)
    {
        if (activations.TryGetValue(address.GrainId, out var present) && present.ActivationId == address.ActivationId)
        {
            activations.TryRemove(KeyValuePair.Create(address.GrainId, present));
        }

        return Task.CompletedTask;
    }

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(activations.TryGetValue(grainId, out var address) ? address : null);

    // Every entry is this silo's own.
    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
