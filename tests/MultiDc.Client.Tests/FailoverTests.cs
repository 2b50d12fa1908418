using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Client.Hosting;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests;

/// <summary>A client prefers its own datacenter, goes by another while that one is down, and returns.</summary>
public sealed class FailoverTests : IDisposable
{
    private static readonly RingSnapshot TheRing = RingSnapshot.Empty.WithKeyspace(new("orders", 4, [A, B, C]));
    private readonly FakeDatacenters world = new() { Local = B, Ring = static _ => Task.FromResult<RingSnapshot?>(TheRing) };
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouter router;
    private readonly IMultiDcClient client;

    public FailoverTests()
    {
        router = new(world, new(), time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        client = new MultiDcClient(world, new(world, time, NullLogger<RingCache>.Instance), router, new(), time, static () => 0.5);
    }

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task The_ring_is_asked_of_the_own_datacenter_of_another_while_that_is_down_and_of_the_own_again()
    {
        await client.GetRingAsync();
        world.Down.Add(B);
        await client.GetRingAsync();
        world.Down.Add(A);
        await client.GetRingAsync();
        world.Down.Clear();
        await client.GetRingAsync();
        Assert.Equal([B, A, C, B], world.RingCalls);
    }

    [Fact]
    public async Task A_leader_that_was_never_seen_is_looked_for_in_the_own_datacenter_in_another_while_that_is_down_and_in_the_own_again()
    {
        await client.GetAsync("orders", KeyOf(0));
        world.Down.Add(B);
        await client.GetAsync("orders", KeyOf(1));

        // What led before is not asked while it is down.
        await client.GetAsync("orders", KeyOf(0));
        world.Down.Clear();
        await client.GetAsync("orders", KeyOf(2));
        Assert.Equal([B, C, C, B], world.Reads);
    }

    [Fact]
    public async Task Without_any_link_up_the_own_datacenter_is_asked_all_the_same()
    {
        world.Down.UnionWith([A, B, C]);
        Assert.IsType<ReadServed>(await client.GetAsync("orders", KeyOf(0)));
        Assert.Equal([B], world.Reads);
    }

    [Fact]
    public async Task A_web_app_has_its_client_from_configuration_and_starts_with_every_datacenter_away()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddMultiDcClient(Configuration(("dc1", "127.0.0.1:1"), ("dc2", "127.0.0.1:2")));
        await using var provider = services.BuildServiceProvider();
        var links = provider.GetRequiredService<IDatacenterLinks>();
        Assert.Equal("dc1", links.Local.Value);
        Assert.Equal(["dc1", "dc2"], links.Datacenters.Select(static d => d.Value));
        Assert.True(links.TryGetLink(new("dc1"), out var own) && !own.IsUp);
        Assert.NotNull(provider.GetRequiredService<IMultiDcClient>());
    }

    [Fact]
    public void A_web_app_without_gateways_is_refused_at_once_with_all_reasons()
    {
        var refused = Assert.Throws<OptionsValidationException>(() => new ServiceCollection().AddMultiDcClient(Configuration(("dc2", "nowhere"), ("dc3", null))));
        Assert.Equal(
            [
                "MultiDc options: datacenter 'dc2': gateway 'nowhere' is not of the form host:port",
                "MultiDc options: Datacenter 'dc1' is not one of 'dc2', 'dc3'",
                "MultiDc options: datacenter 'dc3' has no gateways, and this application is in no Orleans cluster of its own",
            ],
            refused.Failures);
    }

    private static string KeyOf(int shard) => Enumerable.Range(0, 1_000).Select(static i => $"k{i}")
        .First(key => RingSnapshot.ShardOf(TheRing.Keyspaces[0], System.Text.Encoding.UTF8.GetBytes(key)).Number == shard);

    private static IConfiguration Configuration(params (string Name, string? Gateway)[] datacenters) => new ConfigurationBuilder().AddInMemoryCollection(
        datacenters.SelectMany(static (datacenter, i) => new KeyValuePair<string, string?>[]
        {
            new($"MultiDc:Datacenters:{i}:Name", datacenter.Name), new($"MultiDc:Datacenters:{i}:Gateways:0", datacenter.Gateway),
        }.Where(static setting => setting.Value is not null)).Append(new("MultiDc:Datacenter", "dc1"))).Build();
}
