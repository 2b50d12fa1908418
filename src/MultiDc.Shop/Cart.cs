using System.Collections.Immutable;

namespace MultiDc.Shop;

/// <summary>
/// A cart: which articles were ever put into it, and whether it is checked out. How many of each stands with the article, which decides; the cart
/// only keeps the lines findable. Both grow one way only, see <see cref="StockItem"/>.
/// </summary>
internal sealed record Cart(ImmutableHashSet<string> Articles, bool CheckedOut)
{
    public static readonly Cart None = new([], false);

    /// <summary>The cart with this article named.</summary>
    public Change<Cart> With(string article) => CheckedOut ? new(ShopOutcome.CheckedOut, this)
        : new(ShopOutcome.Done, Articles.Contains(article) ? this : this with { Articles = Articles.Add(article) });

    /// <summary>The cart with no more articles to come.</summary>
    public Change<Cart> Closed() => Articles.IsEmpty ? new(ShopOutcome.NothingInCart, this) : new(ShopOutcome.Done, CheckedOut ? this : this with { CheckedOut = true });
}
