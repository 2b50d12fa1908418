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

    [Theory]
    [InlineData("true", 3)]
    [InlineData("false", 0)]
    public async Task Its_threads_are_scheduled_as_configured(string batch, int policy)
    {
        using var process = Start(["run", .. RunningSilo.Settings(FreePorts.Find(), Path.Combine(folder.Path, "data"), $"Silo:BatchScheduling={batch}")]);
        try
        {
            string? line;
            while ((line = await process.StandardOutput.ReadLineAsync()) is not null && !line.Contains("serves on gateway", StringComparison.Ordinal))
            {
            }

            Assert.True(line is not null, "the silo ended: " + (line is null ? await process.StandardError.ReadToEndAsync() : ""));
            var threads = Directory.GetDirectories($"/proc/{process.Id}/task").Select(PolicyOf).OfType<(string Name, int Policy)>().ToArray();
            Assert.Contains(threads, static thread => thread.Name.StartsWith(".NET TP Worker", StringComparison.Ordinal));
            Assert.All(threads, thread => Assert.Equal((thread.Name, policy), thread));
        }
        finally
        {
            process.Kill();
        }
    }

    // proc(5): the name in brackets, then the fields from the third on; the policy is the 41st. Null: the thread has ended.
    private static (string Name, int Policy)? PolicyOf(string thread)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(thread, "stat"));
            return (stat[(stat.IndexOf('(') + 1)..stat.LastIndexOf(')')], int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[38]));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private Process Start(string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "multidc.dll"), .. arguments])
    {
        WorkingDirectory = folder.Path,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;
}
