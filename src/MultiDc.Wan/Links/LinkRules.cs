namespace MultiDc.Wan.Links;

/// <summary>What one direction between two datacenters does to its packets. The default does nothing to them.</summary>
internal sealed record LinkRules
{
    /// <summary>The longest delay, in milliseconds, that can be asked for.</summary>
    public const double MaxDelayMs = 60_000;

    /// <summary>How long a packet is on its way, in milliseconds, one way.</summary>
    public double DelayMs { get; init; }

    /// <summary>What is added to <see cref="DelayMs"/> for a while; healing takes it away.</summary>
    public double SlowMs { get; init; }

    /// <summary>By how many milliseconds a packet's delay may differ from the rest, either way. Packets stay in order all the same.</summary>
    public double JitterMs { get; init; }

    /// <summary>The share of packets that get lost, 0 to 1.</summary>
    public double Loss { get; init; }

    /// <summary>The share of packets that arrive twice, 0 to 1.</summary>
    public double Duplicate { get; init; }

    /// <summary>The share of packets that are held back, by up to their delay again and at least up to 1 ms, so that later ones overtake them; 0 to 1.</summary>
    public double Reorder { get; init; }

    /// <summary>Nothing gets through, not even what is under way.</summary>
    public bool Cut { get; init; }

    /// <summary>What cannot work.</summary>
    public IEnumerable<string> Problems()
    {
        foreach (var (name, value) in new[] { ("delayMs", DelayMs), ("slowMs", SlowMs), ("jitterMs", JitterMs) })
        {
            if (!(value is >= 0 and <= MaxDelayMs))
            {
                yield return $"{name} {value} is not within 0 to {MaxDelayMs}";
            }
        }

        foreach (var (name, value) in new[] { ("loss", Loss), ("duplicate", Duplicate), ("reorder", Reorder) })
        {
            if (!(value is >= 0 and <= 1))
            {
                yield return $"{name} {value} is not within 0 to 1";
            }
        }
    }
}

/// <summary>New values for some of the rules; null leaves one as it is.</summary>
internal sealed record LinkRulesChange
{
    /// <summary>See <see cref="LinkRules.DelayMs"/>.</summary>
    public double? DelayMs { get; init; }

    /// <summary>See <see cref="LinkRules.SlowMs"/>.</summary>
    public double? SlowMs { get; init; }

    /// <summary>See <see cref="LinkRules.JitterMs"/>.</summary>
    public double? JitterMs { get; init; }

    /// <summary>See <see cref="LinkRules.Loss"/>.</summary>
    public double? Loss { get; init; }

    /// <summary>See <see cref="LinkRules.Duplicate"/>.</summary>
    public double? Duplicate { get; init; }

    /// <summary>See <see cref="LinkRules.Reorder"/>.</summary>
    public double? Reorder { get; init; }

    /// <summary>See <see cref="LinkRules.Cut"/>.</summary>
    public bool? Cut { get; init; }

    /// <summary>The rules with the new values.</summary>
    public LinkRules ApplyTo(LinkRules rules) => rules with
    {
        DelayMs = DelayMs ?? rules.DelayMs,
        SlowMs = SlowMs ?? rules.SlowMs,
        JitterMs = JitterMs ?? rules.JitterMs,
        Loss = Loss ?? rules.Loss,
        Duplicate = Duplicate ?? rules.Duplicate,
        Reorder = Reorder ?? rules.Reorder,
        Cut = Cut ?? rules.Cut,
    };
}
