using Orleans.Placement;

namespace MultiDc.Server.Placement;

/// <summary>Pins a grain to the silos of the datacenter that its key names (the text after <c>@</c>, up to <c>#</c>, or the whole key).</summary>
[GenerateSerializer, Immutable, Alias("MultiDc.DatacenterPlacement")]
internal sealed class DatacenterPlacement : PlacementStrategy
{
    public static readonly DatacenterPlacement Singleton = new();
}

/// <summary>Marks a grain for <see cref="DatacenterPlacement"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class DatacenterPlacementAttribute() : PlacementAttribute(DatacenterPlacement.Singleton);
