using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace MultiDc.Shop;

/// <summary>
/// One article: what was delivered, and which cart holds how many, all in one value, so that one compare-and-set decides who gets the last one.
/// <para>
/// Every change leaves a mark that stays: a request id, or that a cart was checked out. So a change is made once however often it is asked for,
/// and a value never comes back: a compare-and-set that is still under way somewhere fails for good once another change was made.
/// </para>
/// </summary>
/// <param name="Deliveries">Request id to count.</param>
/// <param name="Lines">Cart to its line.</param>
internal sealed record StockItem(ImmutableDictionary<string, int> Deliveries, ImmutableDictionary<string, CartLine> Lines)
{
    public static readonly StockItem None = new(ImmutableDictionary<string, int>.Empty, ImmutableDictionary<string, CartLine>.Empty);

    /// <summary>All there are, those in carts included.</summary>
    [JsonIgnore]
    public long Count => Deliveries.Values.Sum(static count => (long)count) - Lines.Values.Where(static line => line.Bought).Sum(static line => line.Count);

    [JsonIgnore]
    public long InCarts => Lines.Values.Where(static line => !line.Bought).Sum(static line => line.Count);

    [JsonIgnore]
    public long Free => Count - InCarts;

    public CartLine LineOf(string cart) => Lines.GetValueOrDefault(cart, CartLine.None);

    /// <summary>More of the article, or fewer; never fewer than are in carts.</summary>
    public Change<StockItem> WithDelivery(string requestId, int count) =>
        Deliveries.TryGetValue(requestId, out var made) ? Again(made, count)
        : Free + count < 0 ? new(ShopOutcome.NotEnough, this)
        : new(ShopOutcome.Done, this with { Deliveries = Deliveries.Add(requestId, count) });

    /// <summary>More of the article in a cart, or fewer.</summary>
    public Change<StockItem> WithLine(string cart, string requestId, int count)
    {
        var line = LineOf(cart);
        return line.Requests.TryGetValue(requestId, out var made) ? Again(made, count)
            : line.Bought ? new(ShopOutcome.CheckedOut, this)
            : line.Count + count < 0 ? new(ShopOutcome.NotInCart, this)
            : count > Free ? new(ShopOutcome.NotEnough, this)
            : new(ShopOutcome.Done, this with { Lines = Lines.SetItem(cart, line with { Requests = line.Requests.Add(requestId, count) }) });
    }

    /// <summary>The line sold; an empty one too, so that a request that comes too late finds it.</summary>
    public Change<StockItem> WithCheckedOut(string cart) =>
        new(ShopOutcome.Done, LineOf(cart) is { Bought: false } line ? this with { Lines = Lines.SetItem(cart, line with { Bought = true }) } : this);

    private Change<StockItem> Again(int made, int count) => new(made == count ? ShopOutcome.Done : ShopOutcome.OtherRequest, this);
}

/// <summary>How many of an article a cart holds, as the requests that made it so.</summary>
/// <param name="Requests">Request id to count.</param>
/// <param name="Bought">Whether the cart was checked out.</param>
internal sealed record CartLine(ImmutableDictionary<string, int> Requests, bool Bought)
{
    public static readonly CartLine None = new(ImmutableDictionary<string, int>.Empty, false);

    [JsonIgnore]
    public long Count => Requests.Values.Sum(static count => (long)count);
}
