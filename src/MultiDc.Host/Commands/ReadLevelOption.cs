using System.CommandLine;
using MultiDc.Ring;

namespace MultiDc.Host.Commands;

/// <summary>How fresh a read must be, on the command line, and in which session.</summary>
internal static class ReadLevelOption
{
    private const string Forms = "linearizable, follower, bounded:2s (or ms), session, session:TOKEN or local";

    public static Option<ReadLevel?> Create() => new("--level", "-l")
    {
        Description = $"How fresh the value must be: {Forms}; without it, as the keyspace has it. With --verbose or --json the answer tells its level, age and datacenter; a session its token.",
        HelpName = "level",
        CustomParser = static result =>
        {
            if (TryParse(result.Tokens[0].Value, out var level, out var problem))
            {
                return level;
            }

            result.AddError($"--level: {problem}");
            return null;
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
        if (ReadDefault.TryParse(text, out var simple))
        {
            level = simple.ReadLevel;
            return true;
        }

        if (text is not "session" && !text.StartsWith("session:", StringComparison.Ordinal))
        {
            return false;
        }

        problem = "what follows 'session:' is no session's token";
        var seen = SessionToken.Empty;
        if (text is not "session" && !SessionToken.TryParse(text["session:".Length..], out seen))
        {
            return false;
        }

        level = ReadLevel.Session(new(seen));
        return true;
    }
}
