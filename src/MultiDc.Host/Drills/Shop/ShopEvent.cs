namespace MultiDc.Host.Drills.Shop;

/// <summary>Something that customers saw; times in nanoseconds since the drill's beginning.</summary>
/// <param name="Kind">What.</param>
/// <param name="Shop">Of an answer and of a change of datacenters the shop; of a request the shop of the customer.</param>
/// <param name="Start">When it was asked.</param>
/// <param name="End">When it was answered.</param>
/// <param name="IsChange">Whether a change was asked for; otherwise it is a read.</param>
/// <param name="Status">The HTTP status; 0: none came.</param>
/// <param name="Detail">Of a change of datacenters, which it talks to; of a request, in how many attempts; of an answer of 503, why.</param>
/// <param name="Path">Of an answer and a request, what was asked for.</param>
internal sealed record ShopEvent(ShopEventKind Kind, string Shop, long Start, long End, bool IsChange, int Status, string Detail, string Path = "");

/// <summary>What customers saw.</summary>
internal enum ShopEventKind
{
    /// <summary>A shop answered, or did not.</summary>
    Answer,

    /// <summary>A customer's request was decided, by whichever shop.</summary>
    Request,

    /// <summary>A shop says that it talks to another datacenter than before.</summary>
    TalksTo,
}
