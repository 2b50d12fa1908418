using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Xunit.Abstractions;

namespace MultiDc.EndToEnd.Tests.Local;

/// <summary>A trial of infra/local/local.sh in a folder of its own; taken down when it is disposed.</summary>
internal sealed class LocalDatacenters(ITestOutputHelper output) : IAsyncDisposable
{
    private static readonly string Script = typeof(LocalDatacenters).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(static a => a.Key == "LocalScript").Value!.Replace('\\', '/');

    private readonly TemporaryFolder folder = new();

    /// <summary>Why there can be no namespaces and no WAN here; null when there can.</summary>
    public static string? NotPermitted { get; } = Run(null, ["check"]) is { ExitCode: not 0 } check ? check.Error.Trim() : null;

    /// <summary>The trial's own folder.</summary>
    public string Folder => folder.File("run");

    /// <summary>Runs a verb that must succeed, and returns what it printed.</summary>
    public async Task<string> DoAsync(params string[] arguments)
    {
        var (exitCode, text, error) = await TryAsync(arguments);
        Assert.True(exitCode == 0, $"local.sh {string.Join(' ', arguments)} ended with {exitCode}: {text}{error}");
        return text;
    }

    /// <summary>Runs a verb.</summary>
    public async Task<(int ExitCode, string Output, string Error)> TryAsync(params string[] arguments)
    {
        var result = await Task.Run(() => Run(Folder, arguments));
        output.WriteLine($"local.sh {string.Join(' ', arguments)}: {result.ExitCode}\n{result.Output}{result.Error}");
        return result;
    }

    /// <summary>Runs <c>multidc drill</c> in this trial.</summary>
    public async Task<HostProcess> DrillAsync(params string[] arguments)
    {
        var drill = await HostProcess.RunAsync(new Dictionary<string, string> { ["MULTIDC_LOCAL"] = Folder }, ["drill", .. arguments, "--script", Script]);
        output.WriteLine(drill.Output);
        return drill;
    }

    /// <summary>What <c>status --json</c> says.</summary>
    public async Task<JsonElement> StatusAsync() => JsonSerializer.Deserialize<JsonElement>(await DoAsync("status", "--json"));

    public async ValueTask DisposeAsync()
    {
        await DoAsync("down");
        folder.Delete();
    }

    private static (int ExitCode, string Output, string Error) Run(string? folder, string[] arguments)
    {
        var start = new ProcessStartInfo("bash", [Script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        if (folder is not null)
        {
            start.Environment["MULTIDC_LOCAL"] = folder;
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, said, error.Result);
    }
}

/// <summary>A test that needs network namespaces; skipped, with the reason, where they are not permitted.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NamespacesFactAttribute : FactAttribute
{
    public NamespacesFactAttribute() => Skip = LocalDatacenters.NotPermitted;
}
