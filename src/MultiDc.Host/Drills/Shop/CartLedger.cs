using System.Text.Json;

namespace MultiDc.Host.Drills.Shop;

/// <summary>What shops acknowledged, and what carts and stock must therefore be. Safe for concurrent use.</summary>
internal sealed class CartLedger
{
    private readonly Lock changing = new();
    private readonly Dictionary<string, Dictionary<string, long>> lines = [];
    private readonly HashSet<string> checkedOut = [];
    private readonly Dictionary<string, long> delivered = [];

    /// <summary>Changes that were acknowledged.</summary>
    public int Acknowledged { get; private set; }

    public IReadOnlyCollection<string> Carts
    {
        get
        {
            lock (changing)
            {
                return [.. lines.Keys];
            }
        }
    }

    /// <summary>Lines that hold something, of all carts.</summary>
    public int Lines
    {
        get
        {
            lock (changing)
            {
                return lines.Values.Sum(static cart => cart.Count);
            }
        }
    }

    public void Delivered(string article, long count)
    {
        lock (changing)
        {
            delivered[article] = delivered.GetValueOrDefault(article) + count;
            Acknowledged++;
        }
    }

    public void Added(string cart, string article, long count)
    {
        lock (changing)
        {
            var content = lines.TryGetValue(cart, out var known) ? known : lines[cart] = [];
            content[article] = content.GetValueOrDefault(article) + count;
            if (content[article] == 0)
            {
                content.Remove(article);
            }

            Acknowledged++;
        }
    }

    public void CheckedOut(string cart)
    {
        lock (changing)
        {
            checkedOut.Add(cart);
            Acknowledged++;
        }
    }

    /// <summary>What a cart must hold.</summary>
    public IReadOnlyDictionary<string, long> LinesOf(string cart)
    {
        lock (changing)
        {
            return lines.TryGetValue(cart, out var content) ? new Dictionary<string, long>(content) : [];
        }
    }

    /// <summary>How a cart is not what it must be; null when it is.</summary>
    public string? CartProblem(string cart, bool isCheckedOut, IReadOnlyDictionary<string, long> found)
    {
        var expected = LinesOf(cart);
        bool mustBeCheckedOut;
        lock (changing)
        {
            mustBeCheckedOut = checkedOut.Contains(cart);
        }

        return isCheckedOut != mustBeCheckedOut ? $"cart {cart} is {(isCheckedOut ? "" : "not ")}checked out"
            : expected.Count == found.Count && expected.All(line => found.GetValueOrDefault(line.Key) == line.Value) ? null
            : $"cart {cart} holds {JsonSerializer.Serialize(found)} and not {JsonSerializer.Serialize(expected)}";
    }

    /// <summary>How an article's stock and the carts do not add up; null when they do. Only when nothing is under way.</summary>
    public string? StockProblem(string article, long count, long inCarts, long free)
    {
        lock (changing)
        {
            var bought = lines.Where(cart => checkedOut.Contains(cart.Key)).Sum(cart => cart.Value.GetValueOrDefault(article));
            var held = lines.Where(cart => !checkedOut.Contains(cart.Key)).Sum(cart => cart.Value.GetValueOrDefault(article));
            var left = delivered.GetValueOrDefault(article) - bought;
            return free >= 0 && count == left && inCarts == held && free == left - held ? null
                : $"of {article} there are {count}, {inCarts} in carts, {free} free, and not {left}, {held}, {left - held}";
        }
    }
}

/// <summary>What came of comparing carts and stock with what was acknowledged.</summary>
/// <param name="Carts">Carts.</param>
/// <param name="Lines">Their lines.</param>
/// <param name="Acknowledged">Changes that were acknowledged.</param>
/// <param name="Violations">What was not as it must be.</param>
internal sealed record CartFindings(int Carts, int Lines, int Acknowledged, IReadOnlyList<string> Violations)
{
    public string ToJson() => JsonSerializer.Serialize(this);

    public static CartFindings Parse(string json) => JsonSerializer.Deserialize<CartFindings>(json)!;
}
