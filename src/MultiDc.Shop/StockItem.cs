using System.Collections.Immutable;
using System.Text.Json;

namespace MultiDc.Shop;

/// <summary>
/// One article: how many there are, and which cart holds how many of them. Both in one value, so that one compare-and-set decides who gets the
/// last one.
/// </summary>
internal sealed record StockItem(int Count, ImmutableSortedDictionary<string, int> Held)
{
    public static readonly StockItem None = new(0, ImmutableSortedDictionary<string, int>.Empty.WithComparers(StringComparer.Ordinal));

    public int Free => Count - Held.Values.Sum();

    public int HeldBy(string cart) => Held.GetValueOrDefault(cart);

    /// <summary>The article with this many of it; null when more are in carts.</summary>
    public StockItem? WithCount(int count) => count < Held.Values.Sum() ? null : this with { Count = count };

    /// <summary>The article with this many of it in the cart, whatever it held before; null when there are not enough.</summary>
    public StockItem? WithHeld(string cart, int count) =>
        count - HeldBy(cart) > Free ? null : this with { Held = count == 0 ? Held.Remove(cart) : Held.SetItem(cart, count) };

    public string Write() => JsonSerializer.Serialize(this);

    public static StockItem Read(string? text) => text is null ? None : JsonSerializer.Deserialize<StockItem>(text)!;
}
