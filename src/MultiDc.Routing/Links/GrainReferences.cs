using System.Collections.Concurrent;

namespace MultiDc.Routing.Links;

/// <summary>
/// References to the grains of one cluster, each made once: Orleans finds out anew every time how a grain's interface is called, which takes longer
/// than the call. As many are kept as there are keys, which are those of datacenters and of shards' replicas.
/// </summary>
internal sealed class GrainReferences(IGrainFactory grains)
{
    private readonly ConcurrentDictionary<(Type Interface, string Key), IGrainWithStringKey> made = new();

    public TGrain Get<TGrain>(string key)
        where TGrain : class, IGrainWithStringKey =>
        made.TryGetValue((typeof(TGrain), key), out var grain) ? (TGrain)grain : (TGrain)made.GetOrAdd((typeof(TGrain), key), grains.GetGrain<TGrain>(key));
}
