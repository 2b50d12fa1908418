using System.CommandLine;
using MultiDc.Comparison.Postgres;
using MultiDc.Host.CommandLine;
using Npgsql;

namespace MultiDc.Comparison.Commands;

/// <summary><c>postgres WORKLOAD --server TEXT</c>: what <c>multidc bench</c> does, to a table in PostgreSQL with synchronous standbys.</summary>
internal static class PostgresCommand
{
    public static Command Create()
    {
        var server = PostgresOptions.Servers("--server", "Where a server is, the primary first; repeat it for all.");
        var serverPid = new Option<int[]>("--server-pid") { Description = "The main process of a server on this machine, in the same order, to learn what it uses.", HelpName = "id", Required = true };
        var connections = new Option<int>("--connections") { Description = "The most connections to the primary.", HelpName = "count", DefaultValueFactory = static _ => 64 };
        connections.RequireRange(1, 1000, int.TryParse);
        var command = SystemCommand.Create(
            "postgres",
            [server, serverPid, connections],
            scans: true,
            (parsed, timeout, stop) =>
            {
                var addresses = parsed.GetRequiredValue(server);
                return PostgresTarget.ConnectAsync(
                    addresses[0],
                    [.. addresses.Zip(parsed.GetRequiredValue(serverPid), static (address, id) => new PostgresServer(address, id))],
                    parsed.GetValue(connections),
                    timeout,
                    stop);
            },
            static exception => exception is NpgsqlException or TimeoutException);
        command.Validators.Add(result =>
        {
            // Of tokens, since a value that is wrong in itself cannot be asked for.
            if (result.GetResult(serverPid)?.Tokens.Count != result.GetResult(server)?.Tokens.Count)
            {
                result.AddError("--server-pid is given for each --server");
            }
        });
        return command;
    }
}
