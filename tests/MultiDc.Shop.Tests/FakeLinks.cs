using System.Diagnostics.CodeAnalysis;
using MultiDc.Routing.Links;

namespace MultiDc.Shop.Tests;

/// <summary>Links to three datacenters, up or down as the test says.</summary>
internal sealed class FakeLinks : IDatacenterLinks
{
    public HashSet<string> Down { get; } = [];

    public DatacenterId Local { get; } = new("b");

    public IReadOnlyList<DatacenterId> Datacenters { get; } = [new("a"), new("b"), new("c")];

    public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
    {
        link = new Link(datacenter, !Down.Contains(datacenter.Value));
        return true;
    }

    private sealed class Link(DatacenterId datacenter, bool isUp) : IDatacenterLink
    {
        public DatacenterId Datacenter => datacenter;

        public bool IsUp => isUp;

        public TimeSpan? RoundTripTime => isUp ? TimeSpan.FromMilliseconds(1.5) : null;

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey => throw new NotSupportedException();
    }
}
