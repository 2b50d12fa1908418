using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace MultiDc.Host.Drills;

/// <summary>The datacenters that <c>infra/local/local.sh</c> brought up, and its verbs.</summary>
internal sealed class LocalSystem(string script)
{
    private static readonly TimeSpan VerbPatience = TimeSpan.FromMinutes(4);

    /// <summary>The folder of the trial; each silo has its own below.</summary>
    public string Folder { get; private set; } = "";

    /// <summary>Where replicas are kept: <c>rocksdb</c> or <c>postgres</c>.</summary>
    public string Store { get; private set; } = "";

    /// <summary>The silos of each datacenter.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Silos { get; private set; } = new Dictionary<string, IReadOnlyList<string>>();

    /// <summary>The datacenters that hold data: where clients are, and leaders.</summary>
    public IReadOnlyList<string> FullDatacenters { get; private set; } = [];

    /// <summary>The addresses of the sample web apps, by the datacenter of each.</summary>
    public IReadOnlyDictionary<string, string> Shops { get; private set; } = new Dictionary<string, string>();

    /// <summary>The round trip from each datacenter to the nearest other, as the WAN is set; empty where there is no WAN.</summary>
    public IReadOnlyDictionary<string, double> NearestRoundTripMs { get; private set; } = new Dictionary<string, double>();

    public IEnumerable<string> Datacenters => Silos.Keys.Order(StringComparer.Ordinal);

    /// <exception cref="DrillFailedException">Nothing is up.</exception>
    public async Task LookAsync(CancellationToken stop)
    {
        using var status = JsonDocument.Parse(await AskAsync(stop, "status", "--json"));
        Folder = status.RootElement.GetProperty("folder").GetString()!;
        Store = status.RootElement.GetProperty("store").GetString()!;
        Silos = status.RootElement.GetProperty("datacenters").EnumerateArray().ToDictionary(
            static datacenter => datacenter.GetProperty("name").GetString()!,
            static IReadOnlyList<string> (datacenter) => [.. datacenter.GetProperty("silos").EnumerateArray().Select(static silo => silo.GetProperty("name").GetString()!)]);
        FullDatacenters = [.. status.RootElement.GetProperty("datacenters").EnumerateArray().Where(static datacenter => !datacenter.GetProperty("witness").GetBoolean())
            .Select(static datacenter => datacenter.GetProperty("name").GetString()!).Order(StringComparer.Ordinal)];
        Shops = status.RootElement.GetProperty("datacenters").EnumerateArray().Where(static datacenter => datacenter.GetProperty("shop").ValueKind == JsonValueKind.Object).ToDictionary(
            static datacenter => datacenter.GetProperty("name").GetString()!, static datacenter => datacenter.GetProperty("shop").GetProperty("url").GetString()!);
        NearestRoundTripMs = status.RootElement.GetProperty("wan") is { ValueKind: JsonValueKind.Object } wan ? NearestOf(wan.GetProperty("links")) : NearestRoundTripMs;
    }

    /// <summary><c>running</c>, <c>paused</c> or <c>stopped</c>.</summary>
    public async Task<string> StateOfAsync(string silo, CancellationToken stop)
    {
        using var status = JsonDocument.Parse(await AskAsync(stop, "status", "--json"));
        return status.RootElement.GetProperty("datacenters").EnumerateArray().SelectMany(static datacenter => datacenter.GetProperty("silos").EnumerateArray())
            .Single(each => each.GetProperty("name").ValueEquals(silo)).GetProperty("state").GetString()!;
    }

    private static Dictionary<string, double> NearestOf(JsonElement links)
    {
        var delays = links.EnumerateArray().ToDictionary(
            static link => (From: link.GetProperty("from").GetString()!, To: link.GetProperty("to").GetString()!),
            static link => link.GetProperty("rules").TryGetProperty("delayMs", out var delay) ? delay.GetDouble() : 0);
        return delays.Keys.GroupBy(static link => link.From).ToDictionary(static from => from.Key, from => from.Min(link => delays[link] + delays[(link.To, link.From)]));
    }

    /// <summary>The configuration of a datacenter, which also tells clients where all of them are.</summary>
    public string ConfigurationOf(string datacenter) => Path.Combine(Folder, Silos[datacenter][0], "appsettings.json");

    /// <summary>The resident memory of a silo's process, in bytes; 0 when it does not run.</summary>
    public long ResidentBytesOf(string silo)
    {
        try
        {
            var process = File.ReadAllText(Path.Combine(Folder, $"{silo}.pid")).Split(' ')[0];
            var resident = File.ReadLines($"/proc/{process}/status").First(static line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
        }
        catch (Exception exception) when (exception is IOException or InvalidOperationException)
        {
            return 0;
        }
    }

    /// <summary>How many lines of all silos' logs contain a text.</summary>
    public int CountInLogs(string text) => Silos.Values.SelectMany(static silos => silos)
        .Sum(silo => File.ReadLines(Path.Combine(Folder, silo, "silo.log")).Count(line => line.Contains(text, StringComparison.Ordinal)));

    /// <summary>Runs a verb to its end.</summary>
    /// <exception cref="DrillFailedException">It failed; the message is the script's.</exception>
    public Task DoAsync(CancellationToken stop, params string[] verb) => AskAsync(stop, ["-q", .. verb]);

    /// <summary>What a verb printed.</summary>
    public async Task<string> AskAsync(CancellationToken stop, params string[] verb)
    {
        using var process = Start(verb);
        process.StandardInput.Close();
        var (said, complained) = (process.StandardOutput.ReadToEndAsync(stop), process.StandardError.ReadToEndAsync(stop));
        try
        {
            await process.WaitForExitAsync(stop).WaitAsync(VerbPatience, stop);
            return process.ExitCode == 0 ? await said : throw new DrillFailedException($"local.sh {string.Join(' ', verb)} ended with {process.ExitCode}: {(await complained).Trim()}");
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new DrillFailedException($"local.sh {string.Join(' ', verb)} did not end within {VerbPatience.TotalMinutes:0} minutes");
        }
    }

    /// <summary>Runs a program in a datacenter's network, with its standard input and output.</summary>
    public Process StartIn(string datacenter, params string[] program) => Start(["exec", datacenter, .. program]);

    private Process Start(IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(script) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new DrillFailedException($"{script} cannot be run: {exception.Message}");
        }
    }
}

/// <summary>The drill could not go on, for a reason that is no verdict.</summary>
internal sealed class DrillFailedException(string message) : Exception(message);
