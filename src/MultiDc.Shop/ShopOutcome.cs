namespace MultiDc.Shop;

/// <summary>What became of a request that was decided.</summary>
internal enum ShopOutcome
{
    /// <summary>It is so now, in a majority of datacenters.</summary>
    Done,

    /// <summary>There are not that many free.</summary>
    NotEnough,

    /// <summary>The cart does not hold that many.</summary>
    NotInCart,

    /// <summary>The cart takes no more.</summary>
    CheckedOut,

    /// <summary>There is nothing to check out.</summary>
    NothingInCart,

    /// <summary>The request id was used for another count.</summary>
    OtherRequest,

    /// <summary>The article's value would be larger than MultiDc takes.</summary>
    Full,
}

/// <summary>What a request makes of a value.</summary>
/// <param name="Outcome">Whether it may be.</param>
/// <param name="Value">The new value; the old one when nothing changes.</param>
internal readonly record struct Change<T>(ShopOutcome Outcome, T Value);
