using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Drills;

/// <summary>What a drill came to.</summary>
internal interface IDrillReport
{
    /// <summary>Whether everything that is promised was kept.</summary>
    bool IsKept { get; }

    /// <summary>For people.</summary>
    void Write(TextWriter output);

    /// <summary>One JSON object.</summary>
    void WriteJson(TextWriter output);
}

/// <summary>How every drill ends: its report, and the exit code that says whether it is a good one.</summary>
internal static class DrillVerdict
{
    /// <summary>Runs a drill, which is told where to tell what goes on.</summary>
    /// <exception cref="CommandException">There is no verdict.</exception>
    public static async Task<int> ReachAsync(Func<Action<string>, Task<IDrillReport>> run, bool json, Surroundings surroundings)
    {
        try
        {
            var report = await run((json ? surroundings.Error : surroundings.Out).WriteLine);
            if (json)
            {
                report.WriteJson(surroundings.Out);
            }
            else
            {
                report.Write(surroundings.Out);
            }

            return (int)(report.IsKept ? ExitCode.Done : ExitCode.Violation);
        }
        catch (DrillFailedException exception)
        {
            throw new CommandException(ExitCode.Unavailable, $"no verdict: {exception.Message}");
        }
    }
}
