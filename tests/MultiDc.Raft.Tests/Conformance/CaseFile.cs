using System.Collections.Immutable;
using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>One command of a data-driven case file, with what another implementation printed for it.</summary>
/// <param name="Number">Its place in the file, from 1.</param>
/// <param name="Command">The first word.</param>
/// <param name="Arguments">The words after it: a bare key has no values, <c>key=a</c> one, <c>key=(a, b)</c> several.</param>
/// <param name="Input">The lines between the command and the separator.</param>
/// <param name="Expected">The output, each line ended.</param>
internal sealed record Directive(int Number, string Command, ImmutableArray<Argument> Arguments, string Input, string Expected)
{
    /// <summary>Arguments without values that are numbers: most commands name replicas this way.</summary>
    public ImmutableArray<ulong> Numbers =>
        [.. Arguments.Where(argument => argument.Values.IsEmpty && ulong.TryParse(argument.Key, out _)).Select(argument => ulong.Parse(argument.Key))];

    public ImmutableArray<string> Values(string key) => [.. Arguments.Where(argument => argument.Key == key).SelectMany(argument => argument.Values)];

    public string? Value(string key) => Values(key).SingleOrDefault();

    public bool IsSet(string key) => Value(key) is "true" or "1" or "t" or "T" or "True" or "TRUE";

    public override string ToString() =>
        string.Join(' ', new[] { Command }.Concat(Arguments.Select(argument => argument.ToString()))) + (Input.Length > 0 ? " | " + Input : "");
}

internal sealed record Argument(string Key, ImmutableArray<string> Values)
{
    public override string ToString() =>
        Values.Length switch { 0 => Key, 1 => $"{Key}={Values[0]}", _ => $"{Key}=({string.Join(',', Values)})" };
}

/// <summary>
/// The data-driven format (github.com/cockroachdb/datadriven): comments (#), a command line that a backslash continues, input lines, a line
/// of four dashes, and the output up to an empty line, or between two pairs of such lines when it has empty lines itself.
/// </summary>
internal static class CaseFile
{
    private const string Separator = "----";

    public static List<Directive> Read(string path)
    {
        using var lines = new StringReader(File.ReadAllText(path));
        var directives = new List<Directive>();
        while (lines.ReadLine() is { } line)
        {
            line = line.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            while (line.EndsWith('\\') && lines.ReadLine() is { } continued)
            {
                line = line[..^1] + " " + continued.Trim();
            }

            var (command, arguments) = Parse(line);
            if (command != "subtest")
            {
                var input = ReadInput(lines, out var hasOutput);
                var expected = hasOutput ? ReadExpected(lines) : "";
                directives.Add(new Directive(directives.Count + 1, command, arguments, input, expected));
            }
        }

        return directives;
    }

    internal static (string Command, ImmutableArray<Argument> Arguments) Parse(string line)
    {
        var at = 0;
        var command = Until(line, ref at, " ");
        var arguments = ImmutableArray.CreateBuilder<Argument>();
        for (SkipSpaces(line, ref at); at < line.Length; SkipSpaces(line, ref at))
        {
            var key = Until(line, ref at, " =");
            if (at == line.Length || line[at] != '=')
            {
                arguments.Add(new Argument(key, []));
                continue;
            }

            at++;
            arguments.Add(new Argument(key, at < line.Length && line[at] == '(' ? List(line, ref at) : [Until(line, ref at, " ")]));
        }

        return (command, arguments.ToImmutable());
    }

    /// <summary>What stands in parentheses, cut at the commas that stand in no inner ones.</summary>
    private static ImmutableArray<string> List(string line, ref int at)
    {
        var values = ImmutableArray.CreateBuilder<string>();
        var start = ++at;
        for (var depth = 1; depth > 0; at++)
        {
            if (at == line.Length)
            {
                throw new FormatException($"a parenthesis is never closed: {line}");
            }

            depth += line[at] switch { '(' => 1, ')' => -1, _ => 0 };
            if ((line[at] == ',' && depth == 1) || depth == 0)
            {
                values.Add(line[start..at].Trim());
                start = at + 1;
            }
        }

        return values.ToImmutable();
    }

    private static string ReadInput(StringReader lines, out bool hasOutput)
    {
        var input = new StringBuilder();
        while (lines.ReadLine() is { } line)
        {
            if (line == Separator)
            {
                hasOutput = true;
                return input.ToString().Trim();
            }

            input.Append(line).Append('\n');
        }

        hasOutput = false;
        return input.ToString().Trim();
    }

    private static string ReadExpected(StringReader lines)
    {
        var output = new StringBuilder();
        var line = lines.ReadLine();
        if (line != Separator)
        {
            for (; line is not null && line.Trim().Length > 0; line = lines.ReadLine())
            {
                output.Append(line).Append('\n');
            }

            return output.ToString();
        }

        for (line = lines.ReadLine(); line is not null; line = lines.ReadLine())
        {
            if (line != Separator)
            {
                output.Append(line).Append('\n');
            }
            else if (lines.ReadLine() is { } second && second != Separator)
            {
                output.Append(line).Append('\n').Append(second).Append('\n');
            }
            else
            {
                break;
            }
        }

        return output.ToString();
    }

    private static string Until(string line, ref int at, string ends)
    {
        var start = at;
        var end = line.AsSpan(at).IndexOfAny(ends);
        at = end < 0 ? line.Length : at + end;
        return line[start..at];
    }

    private static void SkipSpaces(string line, ref int at)
    {
        while (at < line.Length && line[at] == ' ')
        {
            at++;
        }
    }
}
