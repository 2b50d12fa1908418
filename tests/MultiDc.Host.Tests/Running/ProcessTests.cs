using System.Diagnostics;

namespace MultiDc.Host.Tests.Running;

/// <summary>What only a process of its own can show: signals, and a folder that another process holds.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_silo_process_holds_its_folder_and_stops_cleanly_on_sigterm()
    {
        var data = Path.Combine(folder.Path, "data");
        using var process = Start(["run", .. RunningSilo.Settings(FreePorts.Find(), data)]);
        string? line;
        while ((line = await process.StandardOutput.ReadLineAsync()) is not null && !line.Contains("serves on gateway", StringComparison.Ordinal))
        {
        }

        Assert.NotNull(line);
        var (exitCode, _, error) = await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(FreePorts.Find(), data));
        Assert.Equal(73, exitCode);
        Assert.StartsWith($"multidc: data folder {data} is in use by another process: stop that one, or name another folder", error, StringComparison.Ordinal);

        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString()]))
        {
            await kill.WaitForExitAsync();
        }

        var rest = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        Assert.Equal("silo dc1/silo-1 has stopped\n", rest);
        Assert.DoesNotContain("multidc:", await process.StandardError.ReadToEndAsync(), StringComparison.Ordinal);
    }

    private Process Start(string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "multidc.dll"), .. arguments])
    {
        WorkingDirectory = folder.Path,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
