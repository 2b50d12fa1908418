using System.Text.Json;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Tests.Running;

namespace MultiDc.Host.Tests.Stores;

/// <summary><c>multidc store</c> over what a real silo left.</summary>
public sealed class StoreCommandTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FreePorts ports = FreePorts.Find();

    private string Data => Path.Combine(folder.Path, "data");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_store_of_a_real_run_is_verified_described_and_exported()
    {
        await RunSiloAsync(async () =>
        {
            // The kernel gives locks to processes, and this one has the store open.
            var refused = await AskAsync("store", "verify", Data);
            Assert.Equal((73, "", $"multidc: data folder {Data} is in use by this process: close the store first\n"), refused);
        });
        var before = Names();

        var verified = await AskAsync("store", "verify", Data);
        Assert.Equal((0, ""), (verified.ExitCode, verified.Error));
        Assert.Matches(@"^3 replicas, \d+ entries, \d+ rows, \d+ records: no problems\n$", verified.Out);
        var last = Lines((await AskAsync("store", "verify", Data, "--json")).Out).Single();
        Assert.Equal(("verified", 3, 0), (last.GetProperty("type").GetString(), last.GetProperty("replicas").GetInt32(), last.GetProperty("problems").GetInt32()));

        var info = Lines((await AskAsync("store", "info", Data, "--json")).Out);
        Assert.Equal("multidc", info[0].GetProperty("clusterId").GetString());
        Assert.Equal(["default/0@dc1", "default/1@dc1", "multidc.ring/0@dc1"], info[1..].Select(static l => l.GetProperty("replica").GetString()).Order(StringComparer.Ordinal));
        Assert.All(info[1..], static l => Assert.Equal(l.GetProperty("lastIndex").GetUInt64(), l.GetProperty("appliedIndex").GetUInt64()));
        Assert.Contains("of cluster multidc, layout version", (await AskAsync("store", "info", Data)).Out, StringComparison.Ordinal);

        await AssertExportAsync();
        Assert.Equal(before, Names());
        await RunSiloAsync(static () => Task.CompletedTask);
    }

    [Fact]
    public async Task A_damaged_store_is_7()
    {
        await RunSiloAsync(static () => Task.CompletedTask);
        var manifest = Directory.GetFiles(Data, "MANIFEST-*").Single();
        var bytes = await File.ReadAllBytesAsync(manifest);
        bytes[bytes.Length / 2] ^= 0x10;
        await File.WriteAllBytesAsync(manifest, bytes);

        var verified = await AskAsync("store", "verify", Data);
        Assert.Equal((7, ""), (verified.ExitCode, verified.Error));
        Assert.EndsWith(": 1 problem\n", verified.Out, StringComparison.Ordinal);
        var lines = Lines((await AskAsync("store", "verify", Data, "--json")).Out);
        Assert.Equal(["problem", "verified"], lines.Select(static l => l.GetProperty("type").GetString()));
        Assert.Equal(JsonValueKind.Null, lines[0].GetProperty("replica").ValueKind);
        Assert.Equal(7, (await AskAsync("store", "info", Data)).ExitCode);
        var exported = await AskAsync("store", "export", Data);
        Assert.Equal((7, ""), (exported.ExitCode, exported.Out));
        Assert.Contains("is corrupted", exported.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("verify")]
    [InlineData("info")]
    [InlineData("export")]
    public async Task What_is_no_store_is_73_and_left_alone(string command)
    {
        Assert.Equal((73, "", $"multidc: data folder {Data} does not exist\n"), await AskAsync("store", command, Data));
        Assert.Equal(73, (await AskAsync("store", command, folder.Path)).ExitCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public async Task Wrong_usage_is_2()
    {
        Assert.Equal(2, (await AskAsync("store")).ExitCode);
        var missing = await AskAsync("store", "verify");
        Assert.Equal(2, missing.ExitCode);
        Assert.EndsWith("See 'multidc store verify --help'.\n", missing.Error, StringComparison.Ordinal);

        await RunSiloAsync(static () => Task.CompletedTask);
        var unknown = await AskAsync("store", "export", Data, "--replica", "none/0@dc1");
        Assert.Equal((2, ""), (unknown.ExitCode, unknown.Out));
        Assert.Contains("no replica 'none/0@dc1'", unknown.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await AskAsync("store", "export", Data, "--out", folder.File("there", ""))).ExitCode);
    }

    private async Task AssertExportAsync()
    {
        var all = Lines((await AskAsync("store", "export", Data)).Out);
        Assert.Equal("store", all[0].GetProperty("type").GetString());
        Assert.Contains(all, static l => TypeOf(l) == "record" && l.GetProperty("name").GetString() == "founded/default/0@dc1");
        var key = all.Single(static l => TypeOf(l) == "key" && l.GetProperty("key").GetString() == "greeting");
        Assert.Equal(("salut", 2), (key.GetProperty("value").GetString(), key.GetProperty("version").GetInt32()));
        var written = all.Where(l => TypeOf(l) == "entry" && l.GetProperty("kind").GetString() == "command" && l.TryGetProperty("key", out var k) && k.GetString() == "greeting").ToArray();
        Assert.Equal(["put", "cas"], written.Select(static l => l.GetProperty("op").GetString()));
        Assert.Equal("hello", written[1].GetProperty("expect").GetString());
        Assert.Contains(all, l => TypeOf(l) == "session" && l.GetProperty("outcome").GetString() == "applied");

        var replica = key.GetProperty("replica").GetString()!;
        var logOnly = Lines((await AskAsync("store", "export", Data, "--log", "--replica", replica)).Out);
        Assert.Equal(["entry", "replica", "store"], logOnly.Select(TypeOf).Distinct().Order(StringComparer.Ordinal));
        var file = Path.Combine(folder.Path, "export.ndjson");
        Assert.Equal((0, "", ""), await AskAsync("store", "export", Data, "--state", "--replica", replica, "--out", file));
        Assert.Equal(["key", "replica", "session", "store"], Lines(await File.ReadAllTextAsync(file)).Select(TypeOf).Distinct().Order(StringComparer.Ordinal));
    }

    private static string TypeOf(JsonElement line) => line.GetProperty("type").GetString()!;

    private async Task RunSiloAsync(Func<Task> whileItRuns)
    {
        await using var silo = await RunningSilo.StartAsync(folder.Path, RunningSilo.Settings(ports, Data));
        string[] where = ["--gateway", $"dc1=127.0.0.1:{ports.Gateway}", "--timeout", "60"];
        if ((await AskAsync(["get", "greeting", .. where])).ExitCode == 1)
        {
            Assert.Equal(0, (await AskAsync(["put", "greeting", "hello", .. where])).ExitCode);
            Assert.Equal(0, (await AskAsync(["cas", "greeting", "--expect", "hello", "salut", .. where])).ExitCode);
            Assert.Equal(0, (await AskAsync(["put", "other", "x", .. where])).ExitCode);
        }

        await whileItRuns();
    }

    private string[] Names() => [.. Directory.GetFiles(Data).Select(static file => $"{Path.GetFileName(file)} {new FileInfo(file).Length}").Order(StringComparer.Ordinal)];

    private static JsonElement[] Lines(string output) => [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => JsonDocument.Parse(l).RootElement)];

    private static async Task<(int ExitCode, string Out, string Error)> AskAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var surroundings = new Surroundings { In = Stream.Null, Out = TextWriter.Synchronized(output), Error = TextWriter.Synchronized(error), ErrorIsTerminal = false, WorkingFolder = Path.GetTempPath() };
        var exitCode = await MultiDcCommand.InvokeAsync(MultiDcCommand.Create(surroundings), arguments, surroundings);
        return (exitCode, output.ToString().ReplaceLineEndings("\n"), error.ToString().ReplaceLineEndings("\n"));
    }
}
