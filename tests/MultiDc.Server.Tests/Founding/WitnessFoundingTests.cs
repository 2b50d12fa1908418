using Microsoft.Extensions.Options;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Server.Hosting;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Founding;

/// <summary>Which replicas are witnesses is agreed on before the first is founded, and stays so.</summary>
public sealed class WitnessFoundingTests
{
    private static readonly DatacenterId C = new("c");

    [Fact]
    public async Task A_group_is_founded_with_its_witness_and_opened_so_again()
    {
        var world = new FoundingWorld(3) { Witnesses = [C] };
        foreach (var datacenter in (string[])["a", "b", "c", "a", "c"])
        {
            var opened = Assert.IsType<Opened>(await world.TryOpenAsync(datacenter));
            Assert.Equal([GroupMembers.IdOf(C)], opened.Storage.Recovered.Snapshot.Configuration.Witnesses.AsEnumerable());
            Assert.Equal(3, opened.Storage.Recovered.Snapshot.Configuration.Voters.Length);
            Assert.Equal([C], opened.Descriptor.Witnesses.AsEnumerable());
        }
    }

    [Theory]
    [InlineData("a")]
    [InlineData("c")]
    public async Task Where_one_datacenter_knows_no_witness_nothing_is_founded_and_no_store_is_remembered(string forgetful)
    {
        var world = new FoundingWorld(3) { Witnesses = [C] };
        world.OtherWitnesses[new(forgetful)] = [];
        foreach (var datacenter in (string[])["a", "b", "c"])
        {
            var refused = Assert.IsType<Refused>(await world.TryOpenAsync(datacenter));
            Assert.Contains(
                datacenter == forgetful ? "another datacenter has c as witness, this silo is configured with no witness" : "another datacenter has no witness, this silo is configured with c as witness",
                refused.Detail);
        }

        foreach (var other in ((string[])["a", "b", "c"]).Where(d => d != forgetful))
        {
            Assert.Null(world.HomeOf(forgetful, other));
            Assert.Null(world.HomeOf(other, forgetful));
        }
    }

    [Fact]
    public async Task A_wiped_store_of_a_silo_that_is_configured_otherwise_asks_for_no_place_in_the_ring()
    {
        var world = new FoundingWorld(3) { Witnesses = [C] };
        foreach (var datacenter in (string[])["a", "b", "c"])
        {
            Assert.IsType<Opened>(await world.TryOpenAsync(datacenter));
        }

        world.Current[C] = world.NewStore();
        world.Replaced.Add(C);
        world.OtherWitnesses[C] = [];
        Assert.True(Assert.IsType<Refused>(await world.TryOpenAsync("c")).IsMisconfigured);
        world.OtherWitnesses.Clear();
        var opened = Assert.IsType<Opened>(await world.TryOpenAsync("c"));
        Assert.Equal(GroupMembers.IdOf(C, world.Current[C].Identity.StoreId), opened.Replacement);
        Assert.Equal(GroupConfiguration.None, opened.Configuration);
    }

    [Fact]
    public async Task A_wrong_configuration_that_nobody_agreed_with_can_be_corrected()
    {
        var world = new FoundingWorld(3) { Witnesses = [C] };
        world.OtherWitnesses[new("b")] = [];
        await world.TryOpenAsync("b");
        world.OtherWitnesses.Clear();
        Assert.IsType<Opened>(await world.TryOpenAsync("a"));
        Assert.IsType<Opened>(await world.TryOpenAsync("b"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_founded_is_not_opened_with_other_witnesses_and_opens_when_the_configuration_is_corrected(bool wasWitness)
    {
        var world = new FoundingWorld(3) { Witnesses = wasWitness ? [C] : [] };
        foreach (var datacenter in (string[])["a", "b", "c"])
        {
            Assert.IsType<Opened>(await world.TryOpenAsync(datacenter));
        }

        var right = world.Witnesses;
        world.Witnesses = wasWitness ? [] : [C];
        foreach (var datacenter in (string[])["a", "b", "c"])
        {
            var (one, other) = wasWitness ? ("c as witness", "no witness") : ("no witness", "c as witness");
            Assert.Contains($"its shard has {one}, this silo is configured with {other}", Assert.IsType<Refused>(await world.TryOpenAsync(datacenter)).Detail);
            var problem = await Assert.ThrowsAsync<OptionsValidationException>(() => CheckAtStart(world, datacenter));
            Assert.Contains("Correct Witness in MultiDc:Datacenters", problem.Message);
        }

        world.Witnesses = right;
        foreach (var datacenter in (string[])["a", "b", "c"])
        {
            await CheckAtStart(world, datacenter);
            Assert.IsType<Opened>(await world.TryOpenAsync(datacenter));
        }
    }

    [Fact]
    public async Task Another_witness_is_another_configuration()
    {
        var world = new FoundingWorld(3) { Witnesses = [C] };
        Assert.IsType<Opened>(await world.TryOpenAsync("a"));
        world.Witnesses = [new("b")];
        Assert.Contains("its shard has c as witness, this silo is configured with b as witness", Assert.IsType<Refused>(await world.TryOpenAsync("a")).Detail);
    }

    [Fact]
    public async Task Who_agreed_to_a_founding_does_not_found_otherwise_later()
    {
        // Only a is founded. The others forget the witness before they are, and are a majority by themselves.
        var world = new FoundingWorld(5) { Witnesses = [C] };
        world.Away.Add(new("e"));
        Assert.IsType<Opened>(await world.TryOpenAsync("a"));
        world.Away.Clear();
        world.Away.Add(new("a"));
        world.Witnesses = [];
        foreach (var datacenter in (string[])["b", "c", "d", "e"])
        {
            Assert.IsType<Refused>(await world.TryOpenAsync(datacenter));
        }

        world.Witnesses = [C];
        Assert.IsType<Opened>(await world.TryOpenAsync("b"));
    }

    [Fact]
    public async Task A_silo_whose_store_is_no_home_of_the_ring_starts()
    {
        var world = new FoundingWorld(3) { Witnesses = [C] };
        await CheckAtStart(world, "a");
    }

    private static Task CheckAtStart(FoundingWorld world, string datacenter) =>
        new WitnessCheck(new(world.Current[new(datacenter)]), world.LinksOf(datacenter)).StartingAsync(CancellationToken.None);
}
