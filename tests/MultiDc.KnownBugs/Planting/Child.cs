using System.Diagnostics;

namespace MultiDc.KnownBugs;

/// <summary>Another program, run to its end.</summary>
internal static class Child
{
    /// <summary>Runs it.</summary>
    /// <returns>Its exit code, and what it said; a code below zero when it had to be ended.</returns>
    public static async Task<(int Code, string Said)> RunAsync(
        string program, IEnumerable<string> arguments, string folder, string? bug = null, TimeSpan? limit = null)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };

        // What MSBuild and the test host tell their children must not steer a build of its own.
        foreach (var name in start.Environment.Keys.Where(static name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase) || name == "DOTNET_HOST_PATH").ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment[TestBuild.ActiveVariable] = bug;
        using var process = Process.Start(start) ?? throw new KnownBugException($"{program} does not start");
        using var late = new CancellationTokenSource();
        if (limit is { } most)
        {
            late.CancelAfter(most);
        }

        await using var end = late.Token.Register(() => process.Kill(entireProcessTree: true));
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        var said = await output + await error;
        await process.WaitForExitAsync();
        return (late.IsCancellationRequested ? -1 : process.ExitCode, said);
    }
}
