using System.CommandLine;
using Microsoft.Extensions.Hosting;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Silo;
using MultiDc.Server.Hosting;

namespace MultiDc.Host.Running;

/// <summary><c>multidc run</c></summary>
internal static class RunCommand
{
    private const string Description = """
        Run one silo until Ctrl-C or SIGTERM.

        The configuration is merged from appsettings.json in the working folder, --config, environment variables that begin
        with MULTIDC_ (MULTIDC_MultiDc__Datacenter=dc1), and --set, the later over the earlier. Without any, a silo for
        development runs: one datacenter, on this machine only, data in ./data/dc1.
        """;

    public static Command Create(Surroundings surroundings)
    {
        var config = new Option<FileInfo?>("--config", "-c") { Description = "A JSON file with the sections MultiDc, Silo and Logging.", HelpName = "file" };
        var set = new Option<string[]>("--set", "-s") { Description = "A setting; repeat it for more. Example: --set Silo:GatewayPort=30001", HelpName = "Section:Key=Value", Arity = ArgumentArity.OneOrMore };
        var command = new Command("run", Description) { config, set };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var settings = (parsed.GetValue(set) ?? []).Select(ParseSetting).ToArray();
            var configuration = RunConfiguration.Read(surroundings.WorkingFolder, parsed.GetValue(config)?.FullName, settings);
            await surroundings.Out.WriteLineAsync($"configuration: {string.Join(", then ", configuration.Sources)}").ConfigureAwait(false);
            try
            {
                var (multiDc, silo) = SiloConfiguration.Read(configuration.Values);
                if (silo.BatchScheduling && BatchScheduling.Use() is { } refusal)
                {
                    await surroundings.Error.WriteLineAsync($"multidc: the system does not allow batch scheduling, and the silo runs without: {refusal}").ConfigureAwait(false);
                }

                await RunAsync(configuration, multiDc, silo, surroundings.Out, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (StartProblem.Explain(exception) is { } problem)
            {
                throw problem;
            }

            return (int)ExitCode.Done;
        });
        return command;
    }

    private static async Task RunAsync(RunConfiguration configuration, MultiDcOptions multiDc, SiloOptions silo, TextWriter output, CancellationToken cancellationToken)
    {
        var host = await SiloHost.BuildAsync(configuration.Values, cancellationToken).ConfigureAwait(false);
        await using var disposing = ((IAsyncDisposable)host).ConfigureAwait(false);
        ListeningPorts.Require(silo);
        if (silo.Clustering == SiloClustering.Redis)
        {
            await RedisWait.UntilReachableAsync(silo.Redis, TimeProvider.System, output, cancellationToken).ConfigureAwait(false);
        }

        await host.StartAsync(cancellationToken).ConfigureAwait(false);
        var name = silo.Name.Length > 0 ? silo.Name : $"{multiDc.Datacenter}/silo-1";
        await output.WriteLineAsync($"silo {name} of datacenter {multiDc.Datacenter} serves on gateway {silo.Address}:{silo.GatewayPort}").ConfigureAwait(false);
        await output.FlushAsync(cancellationToken).ConfigureAwait(false);
        await host.WaitForShutdownAsync(cancellationToken).ConfigureAwait(false);
        await output.WriteLineAsync($"silo {name} has stopped").ConfigureAwait(false);
    }

    private static KeyValuePair<string, string?> ParseSetting(string text) => text.Split('=', 2) is [{ Length: > 0 } key, var value]
        ? new(key, value)
        : throw new CommandException(ExitCode.WrongUsage, $"--set '{text}' is not of the form Section:Key=Value");
}
