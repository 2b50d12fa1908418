using System.Text.Json;
using Microsoft.Extensions.Options;
using MultiDc.Client;

namespace MultiDc.Shop;

/// <summary>
/// The shop's data in MultiDc: <c>stock/ARTICLE</c> and <c>cart/NAME</c>. Every change reads, decides and compares-and-sets. One that may have
/// happened is looked for by its request id, and made if it is not there.
/// </summary>
/// <exception cref="ShopUnavailableException">No majority of datacenters answered in time.</exception>
internal sealed class ShopStore(IMultiDcClient client, IOptions<ShopOptions> options, TimeProvider time)
{
    private readonly string keyspace = options.Value.Keyspace;

    public Task<Change<StockItem>> DeliverAsync(string article, string requestId, int count, CancellationToken stop) =>
        ChangeAsync(StockKey(article), StockItem.None, item => item.WithDelivery(requestId, count), NewDeadline(stop));

    public Task<StockItem> GetStockAsync(string article, CancellationToken stop) => ReadAsync(StockKey(article), StockItem.None, NewDeadline(stop));

    /// <summary>First the cart, so that what it holds is always found; then the article, which decides.</summary>
    public async Task<Change<StockItem>> AddToCartAsync(string cart, string article, string requestId, int count, CancellationToken stop)
    {
        var deadline = NewDeadline(stop);
        var (named, _) = await ChangeAsync(CartKey(cart), Cart.None, all => all.With(article), deadline);

        // A cart that is checked out takes no more, but a request that was in time is answered as it was then.
        return await ChangeAsync(
            StockKey(article),
            StockItem.None,
            item => named == ShopOutcome.Done || item.LineOf(cart).Requests.ContainsKey(requestId) ? item.WithLine(cart, requestId, count) : new(named, item),
            deadline);
    }

    public async Task<CartView> GetCartAsync(string cart, CancellationToken stop)
    {
        var deadline = NewDeadline(stop);
        var (articles, checkedOut) = await ReadAsync(CartKey(cart), Cart.None, deadline);
        var lines = await Task.WhenAll(articles.Select(async article => (article, (await ReadAsync(StockKey(article), StockItem.None, deadline)).LineOf(cart).Count)));
        return View(cart, checkedOut, lines);
    }

    /// <summary>
    /// First the cart, so that no article joins it any more; then each article. Repeating it finishes what was begun: after the first step
    /// there is no way back.
    /// </summary>
    public async Task<(ShopOutcome Outcome, CartView Bought)> CheckOutAsync(string cart, CancellationToken stop)
    {
        var deadline = NewDeadline(stop);
        var (outcome, closed) = await ChangeAsync(CartKey(cart), Cart.None, static all => all.Closed(), deadline);
        if (outcome != ShopOutcome.Done)
        {
            return (outcome, View(cart, false, []));
        }

        deadline.MayHaveHappened = true;
        var sold = await Task.WhenAll(closed.Articles.Select(async article =>
            (Article: article, Change: await ChangeAsync(StockKey(article), StockItem.None, item => item.WithCheckedOut(cart), deadline))));
        return (ShopOutcome.Done, View(cart, true, sold.Select(line => (line.Article, line.Change.Value.LineOf(cart).Count))));
    }

    private static string StockKey(string article) => $"stock/{article}";

    private static string CartKey(string cart) => $"cart/{cart}";

    private static CartView View(string cart, bool checkedOut, IEnumerable<(string Article, long Count)> lines) =>
        new(cart, checkedOut, lines.Where(static line => line.Count > 0).OrderBy(static line => line.Article, StringComparer.Ordinal).ToDictionary(static line => line.Article, static line => line.Count));

    private Deadline NewDeadline(CancellationToken stop) => new(time, options.Value.Patience, stop);

    private async Task<Change<T>> ChangeAsync<T>(string key, T none, Func<T, Change<T>> decide, Deadline deadline)
        where T : class
    {
        while (true)
        {
            var text = await ReadTextAsync(key, deadline);
            var before = Parse(text, none);
            var change = decide(before);
            if (change.Outcome != ShopOutcome.Done || ReferenceEquals(change.Value, before))
            {
                return change;
            }

            switch (await client.CompareAndSetAsync(keyspace, key, text, JsonSerializer.Serialize(change.Value), deadline.Remaining, deadline.Stop))
            {
                case Applied:
                    return change;
                case Rejected { Reason: RejectionReason.PreconditionFailed }:
                    // Somebody came in between, perhaps an earlier attempt of this very request: the next look tells.
                    break;
                case Rejected { Reason: RejectionReason.InvalidArgument } when !deadline.MayHaveHappened:
                    return new(ShopOutcome.Full, before);
                case Rejected rejected:
                    throw new ShopUnavailableException(deadline.MayHaveHappened, rejected.Detail);
                case Unknown:
                    deadline.MayHaveHappened = true;
                    break;
            }
        }
    }

    private async Task<T> ReadAsync<T>(string key, T none, Deadline deadline) => Parse(await ReadTextAsync(key, deadline), none);

    private async Task<string?> ReadTextAsync(string key, Deadline deadline) =>
        deadline.Remaining == TimeSpan.Zero ? throw new ShopUnavailableException(deadline.MayHaveHappened, "the time for this request is over")
        : await client.GetAsync(keyspace, key, deadline.Remaining, deadline.Stop) switch
        {
            ReadServed served => served.Entry?.ValueText(),
            ReadRejected rejected => throw new ShopUnavailableException(deadline.MayHaveHappened, rejected.Detail),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    private static T Parse<T>(string? text, T none) => text is null ? none : JsonSerializer.Deserialize<T>(text)!;

    /// <summary>What is left of one request's patience, and whether a part of it may have happened already.</summary>
    private sealed class Deadline(TimeProvider time, TimeSpan patience, CancellationToken stop)
    {
        private readonly long startedAt = time.GetTimestamp();

        public CancellationToken Stop => stop;

        public TimeSpan Remaining => patience - time.GetElapsedTime(startedAt) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

        public bool MayHaveHappened { get; set; }
    }
}
