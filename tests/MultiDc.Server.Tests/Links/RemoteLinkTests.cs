using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using MultiDc.Grains;
using MultiDc.Routing;
using MultiDc.Routing.Links;
using MultiDc.Server.Tests.Cluster;
using MultiDc.Testing.Cluster;

namespace MultiDc.Server.Tests.Links;

/// <summary>Links to a datacenter with a cluster of its own, over real connections that are cut.</summary>
[Collection(ClusterTests.Name)]
public sealed class RemoteLinkTests : IAsyncLifetime
{
    private readonly LinkMetrics metrics = new(null);
    private readonly TestLog log = new();
    private readonly List<DatacenterLinks> opened = [];
    private FarCluster far = null!;

    private StallingProxy First => far.Gateways[0];

    private StallingProxy Second => far.Gateways[1];

    public async Task InitializeAsync() => far = await FarCluster.StartAsync(silos: 2);

    public async Task DisposeAsync()
    {
        foreach (var links in opened)
        {
            await links.DisposeAsync();
        }

        await far.DisposeAsync();
        metrics.Dispose();
    }

    [Fact]
    public async Task A_link_whose_connection_went_silent_is_down_and_comes_back_over_a_new_one()
    {
        var link = Open(First.Address);
        await UntilAsync(() => link.IsUp);
        Assert.NotNull(link.RoundTripTime);
        First.Cut();
        await UntilAsync(() => !link.IsUp);

        // The old connection never carries a byte again.
        First.Heal();
        await UntilAsync(() => link.IsUp);
        Assert.True(link.TryGetGrain<IPingGrain>("any", out var ping));
        await ping.PingAsync();
    }

    [Fact]
    public async Task Whoever_waits_for_an_answer_is_told_when_the_connection_is_closed()
    {
        var link = Open(First.Address);
        await UntilAsync(() => link.IsUp);
        var lost = link.Lost;
        Assert.False(lost.IsCancellationRequested);

        // What has gone silent is closed from here.
        First.Cut();
        await UntilAsync(() => lost.IsCancellationRequested);
        First.Heal();
        await UntilAsync(() => link.IsUp && !link.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_link_is_severed_when_the_last_of_its_connections_is_closed()
    {
        var link = Open(First.Address, Second.Address);
        await UntilAsync(() => link.IsUp && First.Accepted > 0 && Second.Accepted > 0 && log.Lines.Count(static line => line.Contains("is up", StringComparison.Ordinal)) >= 2);
        var severed = 0;
        link.Severed += () => Interlocked.Increment(ref severed);
        var before = First.Accepted;
        First.Cut();
        await UntilAsync(() => First.Accepted > before);
        Assert.Equal(0, Volatile.Read(ref severed));
        Second.Cut();
        await UntilAsync(() => Volatile.Read(ref severed) > 0);
    }

    [Fact]
    public async Task Something_that_hangs_up_without_ever_having_answered_is_not_severed()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var link = Open(listener.LocalEndpoint.ToString()!);
        var severed = 0;
        link.Severed += () => Interlocked.Increment(ref severed);
        for (var i = 0; i < 4; i++)
        {
            using var client = await listener.AcceptTcpClientAsync();
        }

        Assert.Equal(0, Volatile.Read(ref severed));
    }

    [Fact]
    public async Task A_link_that_is_cut_for_long_tries_again_and_again()
    {
        var link = Open(First.Address);
        await UntilAsync(() => link.IsUp);
        First.Cut();
        var before = First.Accepted;
        await UntilAsync(() => First.Accepted >= before + 3);
        First.Heal();
        await UntilAsync(() => link.IsUp);
    }

    [Fact]
    public async Task Calls_go_by_the_gateway_that_answers()
    {
        var link = Open(First.Address, Second.Address);
        await UntilAsync(() => link.IsUp && First.Accepted > 0 && Second.Accepted > 0);
        First.Cut();
        await UntilServedAsync(link);
        First.Heal();
        Second.Cut();
        await UntilServedAsync(link);
    }

    [Fact]
    public void A_gateway_whose_name_is_unknown_and_one_that_refuses_do_not_keep_a_process_from_starting()
    {
        Assert.False(Open("no-such-host.invalid:30000").IsUp);
        Assert.False(Open("127.0.0.1:1").IsUp);
    }

    // Nothing that Poll counts as an answer when it fails.
    private static Task UntilServedAsync(IDatacenterLink link) => Poll.UntilAsync(
        "a call",
        async () =>
        {
            var reached = link.TryGetGrain<IPingGrain>("any", out var ping);
            await (ping?.PingAsync() ?? Task.CompletedTask).WaitAsync(TimeSpan.FromSeconds(5));
            return reached;
        },
        static served => served,
        static _ => "no gateway was ever reached",
        TimeSpan.FromMinutes(1));

    private IDatacenterLink Open(params string[] gateways)
    {
        var options = new MultiDcTopologyOptions
        {
            Datacenter = "elsewhere",
            Datacenters = [new() { Name = "elsewhere", Gateways = { "127.0.0.1:1" } }, new() { Name = "dc1", Gateways = gateways, OrleansClusterId = FarCluster.Id, OrleansServiceId = FarCluster.Id }],
            Links = new() { PingInterval = TimeSpan.FromMilliseconds(50), PingTimeout = TimeSpan.FromMilliseconds(500), RenewAfter = TimeSpan.FromSeconds(1) },
        };
        var links = new DatacenterLinks(options, null!, TimeProvider.System, metrics, LoggerFactory.Create(logging => log.AddTo(logging, "link")));
        opened.Add(links);
        Assert.True(links.TryGetLink(new("dc1"), out var link));
        return link;
    }

    private Task UntilAsync(Func<bool> holds) =>
        Poll.UntilAsync("the link", () => Task.FromResult(holds()), static held => held, _ => string.Join('\n', log.Lines), TimeSpan.FromMinutes(1));
}
