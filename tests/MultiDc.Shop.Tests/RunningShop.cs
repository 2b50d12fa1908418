using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MultiDc.Client;
using MultiDc.Routing.Links;

namespace MultiDc.Shop.Tests;

/// <summary>The web app on a free port of this machine, over a keyspace in memory.</summary>
internal sealed class RunningShop : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpClient http;

    private RunningShop(WebApplication app)
    {
        this.app = app;
        http = new() { BaseAddress = new(app.Urls.Single()) };
    }

    public MemoryClient Data { get; private init; } = null!;

    public FakeLinks Links { get; private init; } = null!;

    public static async Task<RunningShop> StartAsync(TimeProvider? time = null, string environment = "Production")
    {
        var (data, links) = (new MemoryClient(), new FakeLinks());
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<IMultiDcClient>(data).AddSingleton<IDatacenterLinks>(links).AddSingleton(time ?? TimeProvider.System).AddShop();
        var app = builder.Build();
        app.MapShop();
        await app.StartAsync();
        return new(app) { Data = data, Links = links };
    }

    /// <summary>A GET, or with a body a POST.</summary>
    /// <returns>The status and the body.</returns>
    public async Task<(int Status, string Body)> AskAsync(string path, string? body = null, string? requestId = null)
    {
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, path);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        }

        if (requestId is not null)
        {
            request.Headers.Add("Idempotency-Key", requestId);
        }

        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        if ((int)response.StatusCode >= 400 && path != "/health")
        {
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        }

        return ((int)response.StatusCode, text);
    }

    public Task<(int Status, string Body)> DeliverAsync(string article, int count, string requestId) =>
        AskAsync($"/stock/{article}/deliveries", $$"""{"count":{{count}}}""", requestId);

    public Task<(int Status, string Body)> AddAsync(string cart, string article, int count, string requestId) =>
        AskAsync($"/carts/{cart}/lines", $$"""{"article":"{{article}}","count":{{count}}}""", requestId);

    public Task<(int Status, string Body)> CheckOutAsync(string cart) => AskAsync($"/carts/{cart}/checkout", "");

    public async ValueTask DisposeAsync()
    {
        http.Dispose();
        await app.DisposeAsync();
    }
}
