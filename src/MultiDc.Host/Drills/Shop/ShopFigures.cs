namespace MultiDc.Host.Drills.Shop;

/// <summary>What one shop's customers had of one fault.</summary>
/// <param name="Shop">The shop.</param>
/// <param name="Before">The longest time without a successful change by way of the shop, in the ten seconds before the fault.</param>
/// <param name="Pause">The same while the fault lasted, from the moment before it was made.</param>
/// <param name="HealingPause">The same in the ten seconds after healing.</param>
/// <param name="SlowestRequest">The longest that a customer of the shop waited for a decision while the fault lasted, all attempts together.</param>
/// <param name="Retried">How many requests took more than one attempt meanwhile.</param>
/// <param name="Left">How long after the fault the shop talked to another datacenter; null: it never did.</param>
/// <param name="Returned">How long after healing it talked to its own again, zero when it did before that; null: it did not.</param>
internal sealed record ShopFaultFigures(string Shop, TimeSpan Before, TimeSpan Pause, TimeSpan HealingPause, TimeSpan SlowestRequest, int Retried, TimeSpan? Left, TimeSpan? Returned);

/// <summary>Makes figures of what customers saw.</summary>
internal sealed class ShopFigures(IReadOnlyList<ShopEvent> events)
{
    /// <summary>What a healing may still cause shows within this time.</summary>
    public static readonly TimeSpan HealingLength = TimeSpan.FromSeconds(10);

    public int Answers => events.Count(static each => each.Kind == ShopEventKind.Answer);

    /// <summary>The requests that took longest of all, with what each attempt came to.</summary>
    public IEnumerable<string> Slowest(int count) => events.Where(static each => each.Kind == ShopEventKind.Request).OrderByDescending(static each => each.End - each.Start).Take(count)
        .Select(request => $"{request.Path} of a customer of {request.Shop} at {Span(request.Start).TotalSeconds:0.0} s, {Span(request.End - request.Start).TotalSeconds:0.00} s: "
            + string.Join("; ", events.Where(each => each.Kind == ShopEventKind.Answer && each.Path == request.Path && each.Start >= request.Start && each.End <= request.End)
                .Select(each => $"{each.Shop} {each.Status} after {Span(each.End - each.Start).TotalSeconds:0.00} s{(each.Detail.Length > 0 ? $" ({each.Detail})" : "")}")));

    /// <summary>Answers that no customer wants: none at all, or 503.</summary>
    public int Failures => events.Count(static each => each is { Kind: ShopEventKind.Answer, Status: 0 or 503 });

    public ShopFaultFigures Of(string shop, MadeFault fault)
    {
        var healing = HealingLength.Ticks * 100;
        var answers = events.Where(each => each is { Kind: ShopEventKind.Answer, IsChange: true, Status: 200 } && each.Shop == shop).Select(static each => each.End).Order().ToArray();
        var requests = events.Where(each => each.Kind == ShopEventKind.Request && each.Shop == shop && each.End > fault.BeganAt && each.Start <= fault.HealedAt).ToArray();
        var talks = events.Where(each => each.Kind == ShopEventKind.TalksTo && each.Shop == shop).OrderBy(static each => each.End).ToArray();
        var left = Array.Find(talks, each => each.End > fault.BeganAt && each.End <= fault.HealedAt && each.Detail != shop);
        var returned = left is null ? null : Array.Find(talks, each => each.End > left.End && each.Detail == shop);
        return new(
            shop,
            Longest(answers, fault.BeganAt - healing, fault.BeganAt),
            Longest(answers, fault.BeganAt, fault.HealedAt),
            Longest(answers, fault.HealedAt, fault.HealedAt + healing),
            Span(requests.Select(static each => each.End - each.Start).DefaultIfEmpty(0).Max()),
            requests.Count(static each => each.Detail != "1"),
            left is null ? null : Span(left.End - fault.BeganAt),
            returned is null ? null : Span(Math.Max(0, returned.End - fault.HealedAt)));
    }

    private static TimeSpan Longest(long[] answers, long from, long to)
    {
        var (last, longest) = (from, 0L);
        foreach (var at in answers.Where(at => at > from && at <= to).Append(to))
        {
            longest = Math.Max(longest, at - last);
            last = at;
        }

        return Span(longest);
    }

    private static TimeSpan Span(long nanoseconds) => TimeSpan.FromMicroseconds(nanoseconds / 1_000);
}
