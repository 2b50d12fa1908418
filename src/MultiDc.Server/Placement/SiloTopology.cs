using System.Collections.Immutable;
using Orleans.Runtime.MembershipService.SiloMetadata;

namespace MultiDc.Server.Placement;

/// <summary>A live silo of this cluster.</summary>
internal sealed record SiloPlace(SiloAddress Address, string Name, DatacenterId Datacenter, int Weight);

/// <summary>Which silos of this cluster are in which datacenter.</summary>
internal interface ISiloTopology
{
    /// <summary>Changes whenever the set of silos may have changed.</summary>
    long View { get; }

    /// <summary>The active silos of a datacenter, by name.</summary>
    IReadOnlyList<SiloPlace> SilosOf(DatacenterId datacenter);

    /// <summary>All active silos with their datacenters, for an error message.</summary>
    string Describe();
}

/// <summary>
/// Reads the datacenter from the silo's metadata. Metadata travels apart from the membership table and may be late or, after a failed
/// fetch, missing for minutes; the silo name comes with the membership row itself, so a name of the form <c>datacenter/silo</c> stands in.
/// </summary>
internal sealed class SiloTopology(IClusterMembershipService membership, ISiloMetadataCache metadata) : ISiloTopology
{
    /// <summary>The metadata key of a silo's weight within its datacenter.</summary>
    public const string WeightKey = "multidc.weight";

    public long View => membership.CurrentSnapshot.Version.Value;

    public IReadOnlyList<SiloPlace> SilosOf(DatacenterId datacenter) => [.. Active().Where(silo => silo.Datacenter == datacenter)];

    public string Describe()
    {
        var places = string.Join(", ", Active().Select(static silo => $"{silo.Name} in '{silo.Datacenter}'"));
        return places.Length > 0 ? places : "none with a datacenter";
    }

    private IEnumerable<SiloPlace> Active() => membership.CurrentSnapshot.Members.Values
        .Where(static member => member.Status == SiloStatus.Active)
        .Select(member => PlaceOf(member.SiloAddress, member.Name))
        .Where(static silo => silo.Datacenter != default)
        .OrderBy(static silo => silo.Name, StringComparer.Ordinal);

    private SiloPlace PlaceOf(SiloAddress address, string name)
    {
        var tags = metadata.GetSiloMetadata(address)?.Metadata ?? ImmutableDictionary<string, string>.Empty;
        var datacenter = tags.TryGetValue(DatacenterId.SiloMetadataKey, out var tag) ? new DatacenterId(tag)
            : name.IndexOf('/') is > 0 and var slash ? new DatacenterId(name[..slash])
            : default;
        return new(address, name, datacenter, tags.TryGetValue(WeightKey, out var text) && int.TryParse(text, out var weight) && weight is >= 1 and <= 16 ? weight : 1);
    }
}
