using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Host.Tests.Running;
using MultiDc.Server.Hosting;

namespace MultiDc.Host.Tests.Examples;

public sealed class ReadmeHostingExampleTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    // Not started: its Redis, addresses and folder are of a system that is not here.
    [Fact]
    public void A_silo_is_configured_as_shown()
    {
        var secret = Convert.ToHexStringLower(new byte[32]);
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        ReadmeHostingExamples.AddSilo(builder, secret);
        using var silo = builder.Build();

        var options = silo.Services.GetRequiredService<IOptions<MultiDcOptions>>().Value;
        Assert.Equal(("shop", secret, "east", "/var/lib/shop/multidc"), (options.ClusterId, options.SiloKey, options.Datacenter, options.DataFolder));
        Assert.Equal(["east", "west", "north"], options.Datacenters.Select(static datacenter => datacenter.Name));
    }

    [Fact]
    public async Task An_application_outside_of_the_silos_reaches_them_as_shown()
    {
        var ports = FreePorts.Find();
        await using var silo = await RunningSilo.StartAsync(folder.Path, RunningSilo.Settings(ports, folder.Path));
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["MultiDc:Datacenter"] = "dc1",
            ["MultiDc:Datacenters:0:Name"] = "dc1",
            ["MultiDc:Datacenters:0:Gateways:0"] = $"127.0.0.1:{ports.Gateway}",
        });
        var (app, carts) = ReadmeHostingExamples.BuildApp(builder);
        using (app)
        {
            await app.StartAsync();
            Assert.IsType<Applied>(await carts.PutAsync("default", "cart/42", "2 items"));
            Assert.Equal("2 items", Assert.IsType<ReadServed>(await carts.GetAsync("default", "cart/42")).Entry!.ValueText());
            await app.StopAsync();
        }
    }
}
