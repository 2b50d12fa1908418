using System.Net;
using MultiDc.Server.Founding;
using MultiDc.Server.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace MultiDc.Server.Tests.Placement;

public sealed class DatacenterPlacementDirectorTests
{
    private static readonly SiloPlace[] Silos =
    [
        Silo(1, "ber/1", "ber"), Silo(2, "ber/2", "ber"), Silo(3, "ber/3", "ber"), Silo(4, "fra/1", "fra"), Silo(5, "fra/2", "fra"),
    ];

    [Fact]
    public async Task A_replica_is_pinned_to_its_datacenter_and_spread_within_it()
    {
        var director = Director(new Topology(Silos), new Homes());
        var chosen = new List<string>();
        for (var i = 0; i < 60; i++)
        {
            chosen.Add(await NameOf(director, $"orders/{i}@ber"));
        }

        Assert.Equal(["ber/1", "ber/2", "ber/3"], chosen.Distinct().Order());
        Assert.StartsWith("fra/", await NameOf(director, "fra"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_replicas_of_a_shard_are_on_silos_of_their_own_as_long_as_there_are_enough()
    {
        var director = Director(new Topology(Silos), new Homes());
        for (var i = 0; i < 30; i++)
        {
            string[] chosen = [await NameOf(director, $"orders/{i}@ber"), await NameOf(director, $"orders/{i}@ber#2"), await NameOf(director, $"orders/{i}@ber#3")];
            Assert.Equal(["ber/1", "ber/2", "ber/3"], chosen.Order());
            Assert.Equal(chosen[0], await NameOf(director, $"orders/{i}@ber#4"));
        }
    }

    [Fact]
    public async Task A_silo_that_is_home_to_another_replica_of_the_shard_is_not_chosen_while_there_is_one_that_is_not()
    {
        foreach (var silo in new[] { "ber/1", "ber/2", "ber/3" })
        {
            var director = Director(new Topology(Silos), new Homes { Apart = [.. new[] { "ber/1", "ber/2", "ber/3" }.Where(other => other != silo)] });
            Assert.Equal(silo, await NameOf(director, "orders/7@ber#2"));
        }

        Assert.StartsWith("ber/", await NameOf(Director(new Topology(Silos), new Homes { Apart = ["ber/1", "ber/2", "ber/3"] }), "orders/7@ber#2"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_silo_chooses_the_same()
    {
        var (one, two) = (Director(new Topology(Silos), new Homes()), Director(new Topology([.. Silos.Reverse()]), new Homes()));
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(await NameOf(one, $"orders/{i}@ber"), await NameOf(two, $"orders/{i}@ber"));
        }
    }

    [Fact]
    public async Task A_silo_whose_store_holds_the_replica_is_preferred_to_the_one_that_hashing_names()
    {
        var byHash = await NameOf(Director(new Topology(Silos), new Homes()), "orders/7@ber");
        foreach (var holder in Silos.Where(s => s.Datacenter.Value == "ber" && s.Name != byHash))
        {
            Assert.Equal(holder.Name, await NameOf(Director(new Topology(Silos), new Homes(holder.Name)), "orders/7@ber"));
        }
    }

    [Fact]
    public async Task Holders_are_asked_once_per_view_and_again_when_it_changed()
    {
        var topology = new Topology(Silos);
        var homes = new Homes("ber/2");
        var director = Director(topology, homes);
        await NameOf(director, "orders/7@ber");
        await NameOf(director, "orders/7@ber");
        Assert.Equal(1, homes.Asked);
        topology.View++;
        await NameOf(director, "orders/7@ber");
        Assert.Equal(2, homes.Asked);
    }

    [Fact]
    public async Task While_nobody_holds_it_the_holders_are_asked_each_time()
    {
        var homes = new Homes();
        var director = Director(new Topology(Silos), homes);
        await NameOf(director, "orders/7@ber");
        await NameOf(director, "orders/7@ber");
        Assert.Equal(2, homes.Asked);
    }

    [Fact]
    public async Task A_silo_that_cannot_run_the_grain_is_not_chosen()
    {
        var director = Director(new Topology(Silos), new Homes("ber/1"));
        Assert.Equal("ber/3", await NameOf(director, "orders/7@ber", Silos[2..]));
    }

    [Fact]
    public async Task Without_a_silo_in_the_datacenter_the_error_says_what_is_there()
    {
        var director = Director(new Topology(Silos), new Homes());
        var exception = await Assert.ThrowsAsync<SiloUnavailableException>(() => NameOf(director, "orders/7@par"));
        Assert.Equal(
            "No silo of this cluster is in datacenter 'par', where grain 'orders/7@par' is pinned. Silos carry their datacenter in the metadata key "
            + "'multidc.datacenter'; here are ber/1 in 'ber', ber/2 in 'ber', ber/3 in 'ber', fra/1 in 'fra', fra/2 in 'fra'",
            exception.Message);
    }

    private static DatacenterPlacementDirector Director(Topology topology, Homes homes) => new(new DatacenterSiloChooser(topology, homes), topology);

    private static async Task<string> NameOf(DatacenterPlacementDirector director, string key, SiloPlace[]? compatible = null)
    {
        var target = new PlacementTarget(GrainId.Create("replica", key), [], default, 0);
        var address = await director.OnAddActivation(DatacenterPlacement.Singleton, target, new Context(compatible ?? Silos));
        return Silos.Single(s => s.Address.Equals(address)).Name;
    }

    private static SiloPlace Silo(int port, string name, string datacenter) => new(SiloAddress.New(IPAddress.Loopback, port, 1), name, new(datacenter), 1);

    private sealed class Topology(SiloPlace[] silos) : ISiloTopology
    {
        public long View { get; set; } = 1;

        public IReadOnlyList<SiloPlace> SilosOf(DatacenterId datacenter) => [.. silos.Where(s => s.Datacenter == datacenter)];

        public string Describe() => string.Join(", ", silos.Select(static s => $"{s.Name} in '{s.Datacenter}'"));
    }

    private sealed class Homes(params string[] holders) : IReplicaHomes
    {
        public int Asked { get; private set; }

        /// <summary>Those that are home to another replica of the shard.</summary>
        public string[] Apart { get; init; } = [];

        public Task<(IReadOnlyList<SiloPlace> Silos, ReplicaHolding Holding)> HoldersAsync(IReadOnlyList<SiloPlace> silos, string replica)
        {
            Asked++;
            IReadOnlyList<SiloPlace> found = [.. silos.Where(s => holders.Contains(s.Name))];
            IReadOnlyList<SiloPlace> free = [.. silos.Where(s => !Apart.Contains(s.Name))];
            return Task.FromResult(
                found.Count > 0 ? (found, ReplicaHolding.Founded) : free.Count > 0 ? (free, ReplicaHolding.Nothing) : (silos, ReplicaHolding.Apart));
        }
    }

    private sealed class Context(SiloPlace[] silos) : IPlacementContext
    {
        public SiloAddress LocalSilo => silos[0].Address;

        public SiloStatus LocalSiloStatus => SiloStatus.Active;

        public SiloAddress[] GetCompatibleSilos(PlacementTarget target) => [.. silos.Select(static s => s.Address)];

        public IReadOnlyDictionary<ushort, SiloAddress[]> GetCompatibleSilosWithVersions(PlacementTarget target) =>
            throw new NotSupportedException();
    }
}
