using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>
/// Runs a script against what it is expected to print. A block is comments (#), one or more commands, a line of four dashes and the
/// output up to the next empty line. With MULTIDC_REWRITE=1 the file is rewritten with the real output instead: commit that only when you
/// understand what changed it.
/// </summary>
internal static class DataDriven
{
    public static void Run(string path, Func<string, string[], string> execute)
    {
        var expected = File.ReadAllText(path);
        var actual = new StringBuilder();
        using var lines = new StringReader(expected);
        var commands = new List<string>();
        while (lines.ReadLine() is { } line)
        {
            actual.Append(line).Append('\n');
            if (line == "----")
            {
                foreach (var command in commands)
                {
                    actual.Append(Execute(path, command, execute));
                }

                actual.Append('\n');
                commands.Clear();
                SkipExpected(lines);
            }
            else if (line.Length > 0 && line[0] != '#')
            {
                commands.Add(line);
            }
        }

        Assert.True(commands.Count == 0, $"{path}: commands without ---- at the end");
        var output = actual.ToString().TrimEnd('\n') + "\n";
        if (SourceFolder.Rewrite)
        {
            File.WriteAllText(path, output);
        }
        else
        {
            Assert.Equal(expected, output);
        }
    }

    private static string Execute(string path, string command, Func<string, string[], string> execute)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            var output = execute(words[0], words[1..]).TrimEnd('\n');
            return output.Length == 0 ? "" : output + "\n";
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"{path}: {command}", failure);
        }
    }

    private static void SkipExpected(StringReader lines)
    {
        while (lines.ReadLine() is { Length: > 0 })
        {
        }
    }
}
