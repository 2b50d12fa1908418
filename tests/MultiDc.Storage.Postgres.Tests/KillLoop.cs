using System.Diagnostics;
using MultiDc.Testing.Postgres;
using MultiDc.Testing.Storage;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>
/// A process writes through the store and says over a pipe what was acknowledged; it, or the database server, is killed at a random
/// moment; what is then in the database must hold everything acknowledged and nothing torn.
/// </summary>
internal static class KillLoop
{
    public enum Victim
    {
        Process,
        Server,
    }

    public static async Task<int> RunAsync(int rounds, Victim victim, TextWriter output)
    {
        await using var server = await PostgresServer.StartAsync();
        var acknowledgements = 0L;
        var acknowledged = new ulong[KillWorkload.Replicas];
        var connectionString = server.ConnectionString(await server.CreateDatabaseAsync());
        var random = new Random(20261125);
        for (var round = 1; round <= rounds; round++)
        {
            acknowledgements += await WriteUntilKilledAsync(server, connectionString, victim, acknowledged, random.Next(50, 1500));
            await using var store = await PostgresTestStore.OpenAsync(connectionString);
            if (await KillWorkload.CheckAsync(store, acknowledged) is { Count: > 0 } problems)
            {
                await output.WriteLineAsync($"round {round} of {rounds}: {string.Join("; ", problems)}");
                return 1;
            }

            await output.WriteLineAsync($"round {round} of {rounds}: {victim} killed, {acknowledgements} acknowledgements so far, none missing, nothing torn");
        }

        return acknowledged.All(static last => last > 0) ? 0 : 2;
    }

    private static async Task<long> WriteUntilKilledAsync(
        PostgresServer server, string connectionString, Victim victim, ulong[] acknowledged, int killAfter)
    {
        using var process = Start(connectionString);
        var read = 0L;
        var killed = Task.CompletedTask;
        for (; await process.StandardOutput.ReadLineAsync() is { } line; read++)
        {
            if (read == killAfter)
            {
                killed = victim == Victim.Server ? server.KillAsync() : Task.Run(process.Kill);
            }

            // What it printed before the kill was acknowledged too.
            KillWorkload.Note(acknowledged, line);
        }

        await killed;
        await process.WaitForExitAsync();
        if (read < killAfter || process.ExitCode != (victim == Victim.Server ? KillWriter.StoreIsGone : 137))
        {
            throw new InvalidOperationException($"the writer ended by itself with {process.ExitCode} after {read} acknowledgements");
        }

        if (victim == Victim.Server)
        {
            await server.RestartAsync();
        }

        return read;
    }

    public static Process Start(string connectionString) => Process.Start(new ProcessStartInfo(
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", ["exec", typeof(KillLoop).Assembly.Location, "write", connectionString])
    {
        RedirectStandardOutput = true,
    })!;
}

/// <summary>The process that writes.</summary>
internal static class KillWriter
{
    public const int StoreIsGone = 3;
    public const int Fenced = 4;

    public static async Task<int> RunAsync(string connectionString)
    {
        var store = await PostgresTestStore.OpenAsync(connectionString);
        try
        {
            await KillWorkload.RunAsync(store, Console.Out);
            return 0;
        }
        catch (StoreUnavailableException)
        {
            return StoreIsGone;
        }
        catch (FencedException)
        {
            return Fenced;
        }
    }
}
