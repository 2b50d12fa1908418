using System.Net;
using System.Net.Sockets;

namespace MultiDc.Host.Tests.Running;

/// <summary>What <c>multidc run</c> says when it cannot.</summary>
public sealed class RunProblemTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly FreePorts ports = FreePorts.Find();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("MultiDc:Datacenter=dc9", "MultiDc options: Datacenter 'dc9' is not one of 'dc1'")]
    [InlineData("MultiDc:DataFolder=", "MultiDc:DataFolder is empty")]
    [InlineData("MultiDc:DataFoler=x", "MultiDc:DataFoler is no setting; there are ClusterId, ")]
    [InlineData("MultiDc:Datacenters:0:Gateway=x", "MultiDc:Datacenters:0:Gateway is no setting; there are Gateways, ")]
    [InlineData("MultiDc:Weight=17", "MultiDc options: Weight 17 is not within 1 to 16")]
    [InlineData("MultiDc:Weight=heavy", "Failed to convert configuration value 'heavy' at 'MultiDc:Weight'")]
    [InlineData("MultiDc:Keyspaces:0:ShardCount=many", "Failed to convert configuration value 'many' at 'MultiDc:Keyspaces:0:ShardCount'")]
    [InlineData("MultiDc:Keyspaces:0:Name=Upper", "'Upper' is no keyspace name")]
    [InlineData("MultiDc:TickInterval=00:00:11", "TickInterval 00:00:11 is not within 1 ms to 10 s")]
    [InlineData("Silo:GatewayPort=70000", "Silo:GatewayPort 70000 is not within 1 to 65535")]
    [InlineData("Silo:Address=localhost", "Silo:Address 'localhost' is not an IP address")]
    [InlineData("Silo:Clustering=Redis", "Silo:Redis is empty")]
    [InlineData("Silo:ProbeTimeout=00:02:00", "Silo:ProbeTimeout 00:02:00 is not within 00:00:00.1000000 and 00:01:00")]
    [InlineData("Silo:MissedProbes=0", "Silo:MissedProbes 0 is not within 1 to 10")]
    [InlineData("Silo:Store=Postgres", "Silo:Postgres is empty")]
    [InlineData("Silo:Store=Folder", "Failed to convert configuration value 'Folder' at 'Silo:Store'")]
    [InlineData("Silo:Clustering=Zookeeper", "Failed to convert configuration value 'Zookeeper' at 'Silo:Clustering'")]
    public async Task A_wrong_setting_is_78_and_leaves_no_folder_behind(string setting, string reason)
    {
        var data = Path.Combine(folder.Path, "data");
        var (exitCode, _, error) = await RunningSilo.FailAsync(folder.Path, [.. RunningSilo.Settings(ports, data), "--set", setting]);

        Assert.Equal(78, exitCode);
        Assert.Contains(reason, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task A_connection_string_is_never_printed()
    {
        foreach (var postgres in new[] { "Host=/none;Pasword=hush", "Host=/none;Username=x;Password=hush;Timeout=1" })
        {
            var (exitCode, output, error) = await RunningSilo.FailAsync(
                folder.Path, RunningSilo.Settings(ports, "x", "Silo:Store=Postgres", $"Silo:Postgres={postgres}"));
            Assert.True(exitCode is 73 or 78, error);
            Assert.DoesNotContain("hush", output + error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Every_wrong_setting_is_told_at_once()
    {
        var (_, _, error) = await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(ports, "x", "Silo:GatewayPort=0", "Silo:Address=?", "Silo:SiloPort=0"));

        Assert.Equal(4, error.ReplaceLineEndings("\n").Count(static c => c == '\n'));
    }

    [Fact]
    public async Task A_folder_below_a_file_cannot_be_used()
    {
        var file = folder.File("file", "");
        var (exitCode, _, error) = await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(ports, Path.Combine(file, "data")));
        Assert.Equal(73, exitCode);
        Assert.StartsWith($"multidc: data folder {Path.Combine(file, "data")} cannot be created", error, StringComparison.Ordinal);

        Assert.Equal(73, (await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(ports, file))).ExitCode);
    }

    [Fact]
    public async Task A_port_that_another_program_has_is_69()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var taken = ((IPEndPoint)other.LocalEndpoint).Port;
        var (exitCode, _, error) = await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(ports with { Silo = taken }, Path.Combine(folder.Path, "data")));

        Assert.Equal(69, exitCode);
        Assert.Equal($"multidc: port {taken} of 127.0.0.1 is in use: stop the other program, or name another port with Silo:SiloPort\n", error.ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task A_Redis_that_is_away_is_waited_for_until_the_operator_gives_up()
    {
        // A port that nobody listens on.
        var nobody = FreePorts.Find().Silo;
        var silo = RunningSilo.Begin(folder.Path, RunningSilo.Settings(
            ports, Path.Combine(folder.Path, "data"), "Silo:Clustering=Redis", $"Silo:Redis=127.0.0.1:{nobody},password=hush,connectTimeout=500"));
        await silo.SaysAsync($"waiting for Redis at 127.0.0.1:{nobody} (Silo:Redis), which does not answer\n");
        Assert.Equal(130, await silo.StopAsync());
        Assert.DoesNotContain("hush", silo.Out + silo.Error, StringComparison.Ordinal);
        await silo.DisposeAsync();
    }

    [Fact]
    public async Task An_address_of_another_machine_is_78() =>
        Assert.Equal(78, (await RunningSilo.FailAsync(folder.Path, RunningSilo.Settings(ports, Path.Combine(folder.Path, "data"), "Silo:Address=192.0.2.1"))).ExitCode);

    [Fact]
    public async Task A_missing_file_and_malformed_json_are_78()
    {
        var missing = await RunningSilo.FailAsync(folder.Path, "--config", Path.Combine(folder.Path, "none.json"));
        Assert.Equal((78, $"multidc: configuration file {Path.Combine(folder.Path, "none.json")} does not exist\n"), (missing.ExitCode, missing.Error.ReplaceLineEndings("\n")));

        var file = folder.File("bad.json", "{\n  \"MultiDc\": {\n    \"Datacenter\": dc1\n  }\n}");
        var malformed = await RunningSilo.FailAsync(folder.Path, "--config", file);
        Assert.Equal(78, malformed.ExitCode);
        Assert.StartsWith($"multidc: {file}:3:19: is not valid JSON: ", malformed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_without_a_value_is_wrong_usage() => Assert.Equal(2, (await RunningSilo.FailAsync(folder.Path, "--set", "MultiDc:Datacenter")).ExitCode);
}
