using MultiDc.Client;

namespace MultiDc.Shop;

/// <summary>
/// The shop's data in MultiDc: <c>stock/ARTICLE</c> and <c>cart/NAME</c>. Every change may be made twice without harm, so a web app that does not
/// know whether one happened simply makes it again.
/// </summary>
internal sealed class ShopStore(IMultiDcClient client, ShopOptions options)
{
    /// <summary>How many of an article there are, those in carts included.</summary>
    public Task<ShopOutcome> SetStockAsync(string article, int count, CancellationToken cancellationToken) =>
        ChangeAsync(StockKey(article), text => StockItem.Read(text).WithCount(count)?.Write(), cancellationToken);

    public async Task<StockItem> GetStockAsync(string article, CancellationToken cancellationToken) =>
        StockItem.Read(await ReadAsync(StockKey(article), cancellationToken));

    /// <summary>Puts this many of an article into a cart, whatever it held before.</summary>
    public async Task<ShopOutcome> PutInCartAsync(string cart, string article, int count, CancellationToken cancellationToken)
    {
        // First the cart, so that what it holds is always found; then the article, which decides.
        var named = await ChangeAsync(CartKey(cart), text => string.Join('\n', Lines(text).Append(article).Distinct().Order(StringComparer.Ordinal)), cancellationToken);
        return named != ShopOutcome.Done
            ? named
            : await ChangeAsync(StockKey(article), text => StockItem.Read(text).WithHeld(cart, count)?.Write(), cancellationToken);
    }

    /// <summary>What is in a cart.</summary>
    public async Task<SortedDictionary<string, int>> GetCartAsync(string cart, CancellationToken cancellationToken)
    {
        var content = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var article in Lines(await ReadAsync(CartKey(cart), cancellationToken)))
        {
            if ((await GetStockAsync(article, cancellationToken)).HeldBy(cart) is > 0 and var count)
            {
                content.Add(article, count);
            }
        }

        return content;
    }

    private static string StockKey(string article) => $"stock/{article}";

    private static string CartKey(string cart) => $"cart/{cart}";

    private static string[] Lines(string? text) => string.IsNullOrEmpty(text) ? [] : text.Split('\n');

    /// <summary>Reads, changes and compares-and-sets until nobody came in between; <paramref name="change"/> answers null when it cannot be.</summary>
    private async Task<ShopOutcome> ChangeAsync(string key, Func<string?, string?> change, CancellationToken cancellationToken)
    {
        while (true)
        {
            var before = await ReadAsync(key, cancellationToken);
            var after = change(before);
            if (after is null)
            {
                return ShopOutcome.NotEnough;
            }

            if (after == before)
            {
                return ShopOutcome.Done;
            }

            switch (await client.CompareAndSetAsync(options.Keyspace, key, before, after, options.Patience, cancellationToken))
            {
                case Applied:
                    return ShopOutcome.Done;
                case Rejected { Reason: RejectionReason.PreconditionFailed }:
                    continue;
                case Rejected rejected:
                    throw new ShopUnavailableException($"not done: {rejected.Detail}");
                case Unknown unknown:
                    throw new ShopUnavailableException($"perhaps done, ask again: {unknown.Detail}");
            }
        }
    }

    private async Task<string?> ReadAsync(string key, CancellationToken cancellationToken) =>
        await client.GetAsync(options.Keyspace, key, options.Patience, cancellationToken) switch
        {
            ReadServed served => served.Entry?.ValueText(),
            ReadRejected rejected => throw new ShopUnavailableException(rejected.Detail),
            var other => throw new InvalidOperationException($"a read answered {other}"),
        };
}

/// <summary>What became of a change.</summary>
internal enum ShopOutcome
{
    /// <summary>It is so now, in a majority of datacenters.</summary>
    Done,

    /// <summary>There are not enough of the article.</summary>
    NotEnough,
}

/// <summary>No majority of datacenters answered in time. The same request may be sent again.</summary>
internal sealed class ShopUnavailableException(string message) : Exception(message);

/// <summary>The configuration section <c>Shop</c>.</summary>
internal sealed class ShopOptions
{
    /// <summary>Where the data is. Default: <c>default</c>.</summary>
    public string Keyspace { get; set; } = "default";

    /// <summary>How long one read or write may take, a failover included. Default: 3 s.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(3);
}
