using System.Diagnostics;

namespace MultiDc.Testing.Postgres;

/// <summary>
/// A real PostgreSQL server of this process alone: data in a new folder, reachable over a Unix socket in it, flushing as a production
/// server does. Installs Debian's package when it is missing. A watchdog (server.sh) holds a pipe to this process: when it closes, however
/// this process ended, the server is stopped and the folder deleted.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string ReadyLine = "ready";
    private static readonly Lazy<Task<PostgresServer>> SharedServer = new(() => StartAsync());
    private static int databases;

    private readonly Process watchdog;

    private PostgresServer(Process watchdog, string folder)
    {
        this.watchdog = watchdog;
        Folder = folder;
    }

    /// <summary>The server that all tests of this process share, each with a database of its own.</summary>
    public static Task<PostgresServer> SharedAsync() => SharedServer.Value;

    /// <summary>Where the server's socket is, and below it everything else.</summary>
    public string Folder { get; }

    /// <summary>Starts a server.</summary>
    /// <param name="settings">Lines for its configuration.</param>
    public static async Task<PostgresServer> StartAsync(params string[] settings)
    {
        var watchdog = Process.Start(new ProcessStartInfo("bash", [FileOf("server.sh"), .. settings])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var said = new List<string>();
        while (await watchdog.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ', 2) is [ReadyLine, var folder])
            {
                return new PostgresServer(watchdog, folder);
            }

            // What it installs it says aloud.
            await Console.Error.WriteLineAsync(line);
            said.Add(line);
        }

        throw new InvalidOperationException($"no PostgreSQL server: {string.Join(Environment.NewLine, said)}");
    }

    /// <summary>An Npgsql connection string; there is no password.</summary>
    public string ConnectionString(string database) => $"Host={Folder};Port=5432;Username=multidc;Database={database};SSL Mode=Disable";

    /// <summary>Makes a database with the schema of infra/postgres, and returns its name.</summary>
    public async Task<string> CreateDatabaseAsync(bool withSchema = true)
    {
        var name = $"test{Interlocked.Increment(ref databases)}";
        await PsqlAsync("postgres", $"CREATE DATABASE {name}{(withSchema ? " TEMPLATE multidc" : "")}");
        return name;
    }

    /// <summary>Runs SQL as the owner of everything.</summary>
    public Task<string> PsqlAsync(string database, string sql) =>
        RunAsync("psql", ["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-h", Folder, "-U", "multidc", "-d", database, "-c", sql]);

    /// <summary>Applies infra/postgres/apply.sh, as an operator does.</summary>
    public Task<string> ApplyAsync(string database) => RunAsync("bash", [FileOf("infra/apply.sh"), $"host={Folder} user=multidc dbname={database}"]);

    /// <summary>kill -9 of the server's main process and all of its others.</summary>
    public Task KillAsync() => CommandAsync("kill");

    /// <summary>Starts it again after <see cref="KillAsync"/>; it recovers from its write-ahead log.</summary>
    public Task RestartAsync() => CommandAsync("start");

    /// <summary>Stops the server and deletes its folder.</summary>
    public async ValueTask DisposeAsync()
    {
        watchdog.StandardInput.Close();
        await watchdog.WaitForExitAsync();
        watchdog.Dispose();
    }

    private static string FileOf(string name) => Path.Combine(AppContext.BaseDirectory, "Postgres", name);

    private static async Task<string> RunAsync(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? output.Trim()
            : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await error}");
    }

    private async Task CommandAsync(string command)
    {
        await watchdog.StandardInput.WriteLineAsync(command);
        await watchdog.StandardInput.FlushAsync();
        var said = await watchdog.StandardOutput.ReadLineAsync();
        if (said != $"done {command}")
        {
            throw new InvalidOperationException($"the server did not {command}: {said}");
        }
    }
}
