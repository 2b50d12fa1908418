using System.Globalization;

namespace MultiDc.Ring;

/// <summary>The level of reads that name none.</summary>
/// <param name="Level">Which; a session belongs to a caller, so it is no default.</param>
/// <param name="MaxStaleness">The bound of <see cref="ReadLevelKind.BoundedStaleness"/>.</param>
/// <param name="ByFollower">Whether linearizable reads are served by the own datacenter's replica; see <see cref="MultiDc.ReadLevel.LinearizableFollower"/>.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.ReadDefault")]
public sealed record ReadDefault([property: Id(0)] ReadLevelKind Level, [property: Id(1)] TimeSpan? MaxStaleness = null, [property: Id(2)] bool ByFollower = false)
{
    /// <summary>The forms of <see cref="TryParse"/>, in words.</summary>
    public const string Forms = "linearizable, follower, bounded:2s (or ms) or local";

    /// <summary>The level that it stands for.</summary>
    public ReadLevel ReadLevel => Level switch
    {
        ReadLevelKind.BoundedStaleness => ReadLevel.BoundedStaleness(MaxStaleness!.Value),
        ReadLevelKind.Local => ReadLevel.Local,
        _ => ByFollower ? ReadLevel.LinearizableFollower : ReadLevel.Linearizable,
    };

    /// <summary>Says what is wrong with it, or null.</summary>
    public string? DescribeProblem() =>
        Level is not (ReadLevelKind.Linearizable or ReadLevelKind.BoundedStaleness or ReadLevelKind.Local) ? $"{Level} is no default for reads: {Forms} are"
        : (Level == ReadLevelKind.BoundedStaleness) != (MaxStaleness > TimeSpan.Zero) || (MaxStaleness is not null && Level != ReadLevelKind.BoundedStaleness)
            ? "a bound greater than zero belongs to reads of bounded staleness, and only to them"
        : ByFollower && Level != ReadLevelKind.Linearizable ? "only linearizable reads are served by a follower that asks its leader"
        : null;

    /// <summary>Reads <see cref="Forms"/>; false when it is none of them.</summary>
    public static bool TryParse(string? text, out ReadDefault level)
    {
        level = new(ReadLevelKind.Linearizable);
        switch (text?.Split(':', 2))
        {
            case ["linearizable"]:
                return true;
            case ["follower"]:
                level = level with { ByFollower = true };
                return true;
            case ["local"]:
                level = new(ReadLevelKind.Local);
                return true;
            case ["bounded", var bound] when TryParseBound(bound, out var max):
                level = new(ReadLevelKind.BoundedStaleness, max);
                return true;
            default:
                return false;
        }
    }

    /// <summary>One of <see cref="Forms"/>.</summary>
    public override string ToString() => Level switch
    {
        ReadLevelKind.BoundedStaleness => string.Create(CultureInfo.InvariantCulture, $"bounded:{MaxStaleness!.Value.TotalMilliseconds:0.####}ms"),
        ReadLevelKind.Local => "local",
        _ => ByFollower ? "follower" : "linearizable",
    };

    private static bool TryParseBound(string text, out TimeSpan bound)
    {
        var (number, milliseconds) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1) : text.EndsWith('s') ? (text[..^1], 1000) : ("", 0);
        var isNumber = decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value <= 1_000_000_000;
        bound = isNumber ? TimeSpan.FromTicks((long)(value * milliseconds * TimeSpan.TicksPerMillisecond)) : default;
        return bound > TimeSpan.Zero;
    }
}
