using System.CommandLine;
using Microsoft.Extensions.Hosting;
using MultiDc.Comparison.Servers.Grain;

namespace MultiDc.Comparison.Servers.Commands;

/// <summary><c>grain-silo</c>: one silo of the cluster whose grains keep their state in PostgreSQL.</summary>
internal static class GrainSiloCommand
{
    public static Command Create()
    {
        var silo = EndPointOption.One("--silo", "Where other silos reach this one.");
        var gatewayPort = PortOption.Create("--gateway-port", "Where clients reach this one, at the same address.");
        var primary = EndPointOption.One("--primary", "Where the first silo is; it keeps the cluster's memberships.");
        var postgres = new Option<string>("--postgres") { Description = "Npgsql's connection string of the database, which has Orleans' tables.", HelpName = "text", Required = true };
        var command = new Command("grain-silo", "A silo with a grain for each key, whose state is in PostgreSQL by Orleans' ADO.NET storage.") { silo, gatewayPort, primary, postgres };
        command.SetAction(async (parsed, stop) =>
        {
            using var host = GrainSilo.Build(parsed.GetRequiredValue(silo), parsed.GetValue(gatewayPort), parsed.GetRequiredValue(primary), parsed.GetRequiredValue(postgres));
            await host.StartAsync(stop);
            await parsed.InvocationConfiguration.Output.WriteLineAsync("serves");
            await host.WaitForShutdownAsync(stop);
            return 0;
        });
        return command;
    }
}
