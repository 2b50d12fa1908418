using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text.Json;

namespace MultiDc.Host.Drills.Shop;

/// <summary>The shops as customers see them. A request goes to the customer's own shop, then to the next, until one decides it.</summary>
internal sealed class ShopWeb : IDisposable
{
    // Longer than a shop's own patience (Shop:Patience), so that a shop that is there is heard.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HealthPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HealthPeriod = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    private readonly (string Name, Uri Address)[] shops;
    private readonly TimeProvider time;
    private readonly long startedAt;
    private readonly HttpClient http = new() { Timeout = Timeout.InfiniteTimeSpan };
    private readonly ConcurrentQueue<ShopEvent> events = new();
    private readonly ConcurrentDictionary<string, string> talksTo = new();

    public ShopWeb((string Name, Uri Address)[] shops, TimeProvider time, long startedAt)
    {
        this.shops = shops;
        this.time = time;
        this.startedAt = startedAt;
    }

    public int Shops => shops.Length;

    public IReadOnlyCollection<ShopEvent> Events => events;

    /// <summary>Whether every shop said last that it talks to its own datacenter.</summary>
    public bool AllAtHome => Array.TrueForAll(shops, shop => talksTo.GetValueOrDefault(shop.Name) == shop.Name);

    /// <summary>Sends a request until a shop has decided it.</summary>
    /// <param name="home">The customer's own shop.</param>
    /// <param name="path">What.</param>
    /// <param name="body">With a body it is a POST, else a GET.</param>
    /// <param name="requestId">The same in every attempt.</param>
    /// <param name="stop">Gives up.</param>
    public async Task<ShopAnswer> AskAsync(int home, string path, object? body, string? requestId, CancellationToken stop)
    {
        var isChange = body is not null;
        var start = Now;
        for (var attempts = 1; ; attempts++)
        {
            var shop = shops[(home + attempts - 1) % shops.Length];
            var attemptStart = Now;
            var answer = await TryAsync(new(shop.Address, path), body, requestId, stop);
            events.Enqueue(new(ShopEventKind.Answer, shop.Name, attemptStart, Now, isChange, answer?.Status ?? 0, answer is { Status: 503 } ? answer.Reason : "", path));
            if (answer is { Status: not 503 })
            {
                events.Enqueue(new(ShopEventKind.Request, shops[home].Name, start, Now, isChange, answer.Status, $"{attempts}", path));
                return answer;
            }

            await Task.Delay(RetryPause, time, stop);
        }
    }

    /// <summary>Writes down whenever a shop talks to another datacenter than before.</summary>
    public Task WatchHealthAsync(CancellationToken stop) => Task.WhenAll(shops.Select(async shop =>
    {
        while (!stop.IsCancellationRequested)
        {
            var now = await HealthOfAsync(shop.Address);
            if (talksTo.GetValueOrDefault(shop.Name) != now)
            {
                talksTo[shop.Name] = now;
                events.Enqueue(new(ShopEventKind.TalksTo, shop.Name, Now, Now, false, 0, now));
            }

            await Task.Delay(HealthPeriod, time, CancellationToken.None);
        }
    }));

    public void Dispose() => http.Dispose();

    private long Now => (long)(time.GetElapsedTime(startedAt).TotalMilliseconds * 1_000_000);

    private async Task<ShopAnswer?> TryAsync(Uri address, object? body, string? requestId, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(AnswerPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stop);
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, address) { Content = body is null ? null : JsonContent.Create(body) };
        if (requestId is not null)
        {
            request.Headers.Add("Idempotency-Key", requestId);
        }

        try
        {
            using var response = await http.SendAsync(request, either.Token);
            return new((int)response.StatusCode, await response.Content.ReadFromJsonAsync<JsonElement>(either.Token));
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return null;
        }
    }

    private async Task<string> HealthOfAsync(Uri shop)
    {
        using var patience = new CancellationTokenSource(HealthPatience, time);
        try
        {
            using var response = await http.GetAsync(new Uri(shop, "/health"), patience.Token);
            return (await response.Content.ReadFromJsonAsync<JsonElement>(patience.Token)).GetProperty("talksTo").GetString() ?? "nobody";
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            return "nobody";
        }
    }
}

/// <summary>What a shop decided.</summary>
internal sealed record ShopAnswer(int Status, JsonElement Body)
{
    /// <summary>Of a 503, its outcome and why.</summary>
    public string Reason => $"{Outcome}: {(Body.TryGetProperty("detail", out var detail) ? detail.GetString() : "")}";

    /// <summary>Of a refusal, which.</summary>
    public string? Outcome => Body.TryGetProperty("outcome", out var outcome) ? outcome.GetString() : null;
}
