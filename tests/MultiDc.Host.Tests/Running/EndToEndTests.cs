using System.Text.Json;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Tests.Running;

/// <summary>A real silo, asked through the real command tree over TCP.</summary>
public sealed class EndToEndTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FreePorts ports = FreePorts.Find();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_silo_keeps_what_the_commands_write_over_a_restart()
    {
        var settings = RunningSilo.Settings(ports, Path.Combine(folder.Path, "data"));
        await using (var silo = await RunningSilo.StartAsync(folder.Path, settings))
        {
            Assert.EndsWith($"silo dc1/silo-1 of datacenter dc1 serves on gateway 127.0.0.1:{ports.Gateway}\n", silo.Out.ReplaceLineEndings("\n"), StringComparison.Ordinal);
            Assert.Empty(silo.Error);

            Assert.Equal(0, (await AskAsync("put", "greeting", "hello")).ExitCode);
            Assert.Equal((0, "hello\n", ""), await AskAsync("get", "greeting"));
            Assert.Equal(1, (await AskAsync("get", "nothing")).ExitCode);
            Assert.Equal(0, (await AskAsync("cas", "greeting", "--expect", "hello", "salut")).ExitCode);
            var refused = await AskAsync("cas", "greeting", "--expect", "hello", "salut", "--json");
            Assert.Equal((3, "preconditionFailed"), (refused.ExitCode, JsonDocument.Parse(refused.Out).RootElement.GetProperty("reason").GetString()));
            Assert.Equal(3, (await AskAsync("cas", "greeting", "--expect-absent", "x")).ExitCode);
            Assert.Equal(3, (await AskAsync("get", "greeting", "--keyspace", "none")).ExitCode);

            var rows = folder.File("rows.csv", "id,name\np1,Ann\np2,Bob\np1,Ann again\n");
            var loaded = await AskAsync("load", rows, "--key", "id");
            Assert.Equal(0, loaded.ExitCode);
            Assert.StartsWith("3 rows loaded in ", loaded.Out, StringComparison.Ordinal);
            Assert.Equal((0, "p1\t{\"id\":\"p1\",\"name\":\"Ann again\"}\np2\t{\"id\":\"p2\",\"name\":\"Bob\"}\n", ""), await AskAsync("scan", "p"));
            Assert.Equal(0, (await AskAsync("delete", "p2")).ExitCode);
            Assert.Equal((0, "greeting\tsalut\np1\t{\"id\":\"p1\",\"name\":\"Ann again\"}\n", ""), await AskAsync("scan"));

            var watched = await AskAsync("watch", "--prefix", "", "--limit", "6", "--from", WatchToken.OfAllShards("default", [default, default]).ToString());
            Assert.Equal(0, watched.ExitCode);
            var changes = watched.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line[(line.IndexOf('\t', StringComparison.Ordinal) + 1)..]).ToArray();
            Assert.Equal(["put\tgreeting\thello", "put\tgreeting\tsalut"], changes.Where(static c => c.Contains("greeting", StringComparison.Ordinal)));
            Assert.Equal(["put\tp1\t{\"id\":\"p1\",\"name\":\"Ann\"}", "put\tp1\t{\"id\":\"p1\",\"name\":\"Ann again\"}"], changes.Where(static c => c.Contains("\tp1", StringComparison.Ordinal)));
            Assert.Equal(["put\tp2\t{\"id\":\"p2\",\"name\":\"Bob\"}", "delete\tp2"], changes.Where(static c => c.Contains("\tp2", StringComparison.Ordinal)));
            Assert.StartsWith("go on with --from w1:default:2:", watched.Error, StringComparison.Ordinal);

            var status = await AskAsync("status", "--json");
            Assert.Equal(0, status.ExitCode);
            var lines = status.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => JsonDocument.Parse(l).RootElement).ToArray();
            Assert.Equal("ring", lines[0].GetProperty("type").GetString());
            Assert.Equal(["default/0@dc1", "default/1@dc1", "multidc.ring/0@dc1"], lines[1..].Select(static l => l.GetProperty("replica").GetString()).Order(StringComparer.Ordinal));
            Assert.All(lines[1..], static l => Assert.Equal("running", l.GetProperty("state").GetString()));
            Assert.Equal(0, await silo.StopAsync());
        }

        await using var again = await RunningSilo.StartAsync(folder.Path, settings);
        Assert.Equal((0, "salut\n", ""), await AskAsync("get", "greeting"));
    }

    [Fact]
    public async Task Another_datacenter_is_asked_when_the_own_one_is_away()
    {
        // Of this client's two datacenters only dc1 runs; a keyspace of its own makes it answer alone.
        await using var silo = await RunningSilo.StartAsync(folder.Path, RunningSilo.Settings(ports, Path.Combine(folder.Path, "data")));
        var away = FreePorts.Find().Gateway;
        string[] gateways = ["--gateway", $"dc2=127.0.0.1:{away}", "--gateway", $"dc1=127.0.0.1:{ports.Gateway}", "--timeout", "60"];

        Assert.Equal(0, (await AskAnywhereAsync(["put", "k", "v", .. gateways])).ExitCode);
        Assert.Equal((0, "v\n", ""), await AskAnywhereAsync(["get", "k", .. gateways]));
    }

    [Fact]
    public async Task Nobody_there_ends_with_5_and_says_who_was_asked()
    {
        var (exitCode, output, error) = await AskAsync("get", "k", "--timeout", "0.5");

        Assert.Equal(5, exitCode);
        Assert.Empty(output);
        Assert.StartsWith($"multidc: no datacenter answered within 0.5 s: dc1 (127.0.0.1:{ports.Gateway}): ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_silo_is_told_what_is_in_its_way()
    {
        var data = Path.Combine(folder.Path, "data");
        await using (var silo = await RunningSilo.StartAsync(folder.Path, RunningSilo.Settings(ports, data)))
        {
            var sameFolder = await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(FreePorts.Find(), data));
            Assert.Equal(73, sameFolder.ExitCode);
            Assert.Equal($"multidc: data folder {data} is already open in this process: open one store per folder\n", sameFolder.Error.ReplaceLineEndings("\n"));

            var samePort = await RunningSilo.FailAsync(
                folder.Path, RunningSilo.Settings(ports with { Silo = FreePorts.Find().Silo }, Path.Combine(folder.Path, "data2")));
            Assert.Equal(69, samePort.ExitCode);
            Assert.Equal($"multidc: port {ports.Gateway} of 127.0.0.1 is in use: stop the other program, or name another port with Silo:GatewayPort\n", samePort.Error.ReplaceLineEndings("\n"));
        }

        var otherCluster = await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(ports, data, "MultiDc:ClusterId=another"));
        Assert.Equal(73, otherCluster.ExitCode);
        Assert.Equal(
            $"multidc: data folder {data} belongs to cluster 'multidc', not to 'another': correct the cluster id, or name another folder\n", otherCluster.Error.ReplaceLineEndings("\n"));
    }

    private Task<(int ExitCode, string Out, string Error)> AskAsync(params string[] arguments) =>
        AskAnywhereAsync([.. arguments, "--gateway", $"dc1=127.0.0.1:{ports.Gateway}", .. arguments.Contains("--timeout") ? Array.Empty<string>() : ["--timeout", "60"]]);

    private static async Task<(int ExitCode, string Out, string Error)> AskAnywhereAsync(string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var surroundings = new Surroundings { In = Stream.Null, Out = output, Error = error, ErrorIsTerminal = false, WorkingFolder = Path.GetTempPath() };
        var exitCode = await MultiDcCommand.InvokeAsync(MultiDcCommand.Create(surroundings), arguments, surroundings);
        return (exitCode, output.ToString().ReplaceLineEndings("\n"), error.ToString().ReplaceLineEndings("\n"));
    }
}
