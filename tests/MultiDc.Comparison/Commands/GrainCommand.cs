using System.CommandLine;
using MultiDc.Comparison.Grain;
using MultiDc.Comparison.Postgres;
using MultiDc.Comparison.Servers.Commands;
using Npgsql;
using Orleans.Runtime;

namespace MultiDc.Comparison.Commands;

/// <summary><c>grain WORKLOAD --gateway ADDRESS:PORT</c>: what <c>multidc bench</c> does, to grains whose state is in PostgreSQL.</summary>
internal static class GrainCommand
{
    public static Command Create()
    {
        var gateway = EndPointOption.Several("--gateway", "Where clients reach a silo; repeat it for all silos.");
        var postgres = PostgresOptions.Server("--postgres", "Where the silos keep the grains' state.");
        var postgresPid = new Option<int>("--postgres-pid") { Description = "PostgreSQL's main process on this machine, to learn what it uses.", HelpName = "id", Required = true };
        return SystemCommand.Create(
            "grain",
            [gateway, postgres, postgresPid],
            scans: false,
            (parsed, timeout, stop) =>
                GrainTarget.ConnectAsync(parsed.GetRequiredValue(gateway), new PostgresServer(parsed.GetRequiredValue(postgres), parsed.GetRequiredValue(postgresPid)), timeout, stop),
            static exception => exception is OrleansException or NpgsqlException or TimeoutException);
    }
}
