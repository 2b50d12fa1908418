using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace MultiDc.Host.Commands;

/// <summary>How fresh a read must be, on the command line, and in which session.</summary>
internal static class ReadLevelOption
{
    private const string Forms = "linearizable, follower, bounded:2s (or ms), session, session:TOKEN or local";

    public static Option<ReadLevel> Create() => new("--level", "-l")
    {
        Description = $"How fresh the value must be: {Forms}. With --verbose or --json the answer tells its level, age and datacenter; a session its token.",
        HelpName = "level",
        DefaultValueFactory = static _ => ReadLevel.Linearizable,
        CustomParser = static result =>
        {
            if (TryParse(result.Tokens[0].Value, out var level, out var problem))
            {
                return level;
            }

            result.AddError($"--level: {problem}");
            return default;
        },
    };

    public static Option<ReadSession?> CreateSession() => new("--session")
    {
        Description = "Note the write in a session, 'new' or one's token, and print its token, for 'get --level session:TOKEN'.",
        HelpName = "token",
        CustomParser = static result =>
        {
            if (result.Tokens[0].Value == "new")
            {
                return new();
            }

            if (SessionToken.TryParse(result.Tokens[0].Value, out var token))
            {
                return new(token);
            }

            result.AddError("--session: this is neither 'new' nor a session's token");
            return null;
        },
    };

    public static bool TryParse(string text, out ReadLevel level, out string problem)
    {
        (level, problem) = (default, $"'{text}' is none of {Forms}");
        switch (text.Split(':', 2))
        {
            case ["linearizable"]:
                return true;
            case ["follower"]:
                level = ReadLevel.LinearizableFollower;
                return true;
            case ["local"]:
                level = ReadLevel.Local;
                return true;
            case ["session"]:
                level = ReadLevel.Session(new());
                return true;
            case ["session", var token]:
                if (SessionToken.TryParse(token, out var seen))
                {
                    level = ReadLevel.Session(new(seen));
                    return true;
                }

                problem = "what follows 'session:' is no session's token";
                return false;
            case ["bounded", var bound]:
                if (TryParseBound(bound, out var max))
                {
                    level = ReadLevel.BoundedStaleness(max);
                    return true;
                }

                problem = $"'{bound}' is no bound: a number of seconds or milliseconds greater than zero, as 2s or 250ms";
                return false;
            default:
                return false;
        }
    }

    private static bool TryParseBound(string text, out TimeSpan bound)
    {
        var (number, milliseconds) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1) : text.EndsWith('s') ? (text[..^1], 1000) : ("", 0);
        var isNumber = decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value <= 1_000_000_000;
        bound = isNumber ? TimeSpan.FromTicks((long)(value * milliseconds * TimeSpan.TicksPerMillisecond)) : default;
        return bound > TimeSpan.Zero;
    }
}
