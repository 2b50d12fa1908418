using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using MultiDc.Client;
using MultiDc.Client.Hosting;
using MultiDc.Server.Hosting;
using Orleans.Hosting;

namespace MultiDc.Host.Tests.Examples;

/// <summary>What the README shows of an application's start, word for word: each region is one of its blocks.</summary>
internal static class ReadmeHostingExamples
{
    public static void AddSilo(IHostApplicationBuilder builder, string secret)
    {
        #region silo
        builder.UseOrleans(silo => silo
            .UseRedisClustering("redis:6379")   // or whatever that cluster uses
            .UseMultiDc(options =>
            {
                options.ClusterId = "shop";
                options.SiloKey = secret;       // the same on all silos: openssl rand -hex 32. Better by the environment, MultiDc__SiloKey
                options.Datacenter = "east";
                options.DataFolder = "/var/lib/shop/multidc";
                options.Datacenters.Add(new() { Name = "east", Gateways = { "10.1.0.5:30000" } });
                options.Datacenters.Add(new() { Name = "west", Gateways = { "10.2.0.5:30000" } });
                options.Datacenters.Add(new() { Name = "north", Gateways = { "10.3.0.5:30000" } });
            }));
        #endregion
    }

    public static (IHost App, IMultiDcClient Client) BuildApp(HostApplicationBuilder builder)
    {
        #region web app
        builder.Services.AddMultiDcClient(builder.Configuration);   // section MultiDc: the same Datacenters, and its own
        var app = builder.Build();

        var carts = app.Services.GetRequiredService<IMultiDcClient>();
        #endregion
        return (app, carts);
    }
}
