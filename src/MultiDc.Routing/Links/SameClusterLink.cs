using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Routing.Links;

/// <summary>A datacenter whose silos are in this process's own Orleans cluster.</summary>
internal sealed class SameClusterLink(DatacenterId datacenter, IGrainFactory grains) : IDatacenterLink
{
    private readonly GrainReferences references = new(grains);

    public DatacenterId Datacenter => datacenter;

    public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
        where TGrain : class, IGrainWithStringKey
    {
        grain = references.Get<TGrain>(key);
        return true;
    }
}
