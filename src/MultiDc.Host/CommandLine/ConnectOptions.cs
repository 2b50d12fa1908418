using System.CommandLine;
using Microsoft.Extensions.Configuration;
using MultiDc.Host.Running;
using MultiDc.Host.Silo;
using MultiDc.Routing;

namespace MultiDc.Host.CommandLine;

/// <summary>The options that every command which talks to a running MultiDc has: where it is, how long to wait, how to answer.</summary>
internal sealed class ConnectOptions
{
    private const string DefaultGateway = "127.0.0.1:30000";

    private readonly Option<string[]> gateway = new("--gateway", "-g")
    {
        Description = $"A datacenter and a gateway of it; repeat it for more. The first datacenter is asked first, the others when it is away. Default: dc1={DefaultGateway}",
        HelpName = "datacenter=host:port",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<FileInfo?> config = new("--config", "-c")
    {
        Description = "Take the datacenters from the section MultiDc of this JSON file, as 'multidc run' has it, instead of --gateway.",
        HelpName = "file",
    };

    private readonly Option<string?> clusterId = new("--cluster-id") { Description = "The name of the whole system (MultiDc:ClusterId). Default: multidc", HelpName = "name" };

    private readonly Option<string?> datacenter = new("--datacenter", "-d") { Description = "The datacenter to ask first. Default: the first", HelpName = "name" };

    private readonly Option<double> timeoutSeconds = new("--timeout")
    {
        Description = "When to give up. In 'load', 'scan' and 'bench': on one row, on one page, on one operation.",
        HelpName = "seconds",
        DefaultValueFactory = static _ => 10,
    };

    private readonly Option<bool> json = new("--json") { Description = "Answer with one JSON object per line." };

    public ConnectOptions() => timeoutSeconds.RequireRange(0.001, 3600, double.TryParse);

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { gateway, config, clusterId, datacenter, timeoutSeconds, json })
        {
            command.Add(option);
        }
    }

    public TimeSpan TimeoutOf(ParseResult parsed) => TimeSpan.FromSeconds(parsed.GetValue(timeoutSeconds));

    public bool IsJson(ParseResult parsed) => parsed.GetValue(json);

    /// <summary>Where the datacenters are; the own one has a gateway.</summary>
    /// <exception cref="CommandException">The options or the configuration cannot work.</exception>
    public MultiDcTopologyOptions TopologyOf(ParseResult parsed)
    {
        var gateways = parsed.GetValue(gateway) ?? [];
        var file = parsed.GetValue(config);
        if (file is not null && gateways.Length > 0)
        {
            throw new CommandException(ExitCode.WrongUsage, "give either --config or --gateway, not both");
        }

        var topology = file is null ? FromGateways(gateways.Length > 0 ? gateways : [$"dc1={DefaultGateway}"]) : FromFile(file.FullName, parsed.GetValue(datacenter));
        topology.ClusterId = parsed.GetValue(clusterId) ?? topology.ClusterId;
        topology.Datacenter = parsed.GetValue(datacenter) ?? topology.Datacenter;
        return TopologyValidation.Problems(topology).ToArray() is { Length: > 0 } problems
            ? throw new CommandException(file is null ? ExitCode.WrongUsage : ExitCode.WrongConfiguration, string.Join(Environment.NewLine, problems))
            : topology;
    }

    private static MultiDcTopologyOptions FromGateways(IEnumerable<string> gateways)
    {
        var topology = new MultiDcTopologyOptions();
        foreach (var text in gateways)
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } address])
            {
                throw new CommandException(ExitCode.WrongUsage, $"--gateway '{text}' is not of the form datacenter=host:port");
            }

            var known = topology.Datacenters.FirstOrDefault(d => d.Name == name);
            if (known is null)
            {
                topology.Datacenters.Add(known = new() { Name = name });
            }

            known.Gateways.Add(address);
        }

        topology.Datacenter = topology.Datacenters[0].Name;
        return topology;
    }

    private static MultiDcTopologyOptions FromFile(string path, string? own)
    {
        var configuration = ConfigurationFile.Read(path);
        var topology = new MultiDcTopologyOptions();
        var silo = new SiloOptions();
        try
        {
            configuration.GetSection("MultiDc").Bind(topology);
            configuration.GetSection("Silo").Bind(silo);
        }
        catch (InvalidOperationException exception)
        {
            throw new CommandException(ExitCode.WrongConfiguration, $"{path}: {exception.Message}", exception);
        }

        // A silo need not list its own gateways, so its configuration tells them elsewhere.
        if (topology.Datacenters.FirstOrDefault(d => d.Name == topology.Datacenter) is { Gateways.Count: 0 } host)
        {
            host.Gateways.Add($"{silo.Address}:{silo.GatewayPort}");
        }

        if (own is not null && topology.Datacenters.FirstOrDefault(d => d.Name == own) is { Gateways.Count: 0 })
        {
            throw new CommandException(ExitCode.WrongConfiguration, $"{path}: datacenter '{own}' lists no gateways, so it cannot be asked first");
        }

        return topology;
    }
}
