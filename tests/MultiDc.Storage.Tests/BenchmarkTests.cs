using System.Diagnostics;

namespace MultiDc.Storage.Tests;

public sealed class BenchmarkTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    /// <summary>So that the benchmarks still work when somebody wants a figure; what they measure here means nothing.</summary>
    [Fact]
    public async Task A_little_of_every_benchmark_runs()
    {
        var folder = Directory.CreateDirectory(folders.New()).FullName;
        using var process = Process.Start(new ProcessStartInfo(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            ["exec", Path.Combine(AppContext.BaseDirectory, "MultiDc.Benchmarks.dll"), "smoke", "--rounds", "1", "--seconds", "0.1", "--store", "rocksdb", "--store", "memory", "--folder", folder, "--json"])
        {
            RedirectStandardOutput = true,
        })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.Equal(0, process.ExitCode);
        Assert.All(["append", "apply", "recover", "state", "memory"], name => Assert.Contains($"{{\"benchmark\":\"{name}\"", output, StringComparison.Ordinal));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }
}
