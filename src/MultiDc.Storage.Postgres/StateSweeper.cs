using Microsoft.Extensions.Logging;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>Deletes rows of generations that are no state any more, a few at a time, so that nobody waits long for their locks.</summary>
internal sealed class StateSweeper(PostgresDatabase database, ILogger logger)
{
    private const int RowsAtATime = 5000;
    private Task running = Task.CompletedTask;
    private readonly Lock gate = new();
    private volatile bool stopping;

    /// <summary>Begins to delete the generations below <paramref name="below"/> but the live one. A generation staged later is above it.</summary>
    public void Sweep(ReplicaOpening opening, int below)
    {
        var live = opening.Rows.Generation;
        lock (gate)
        {
            running = SweepAfterAsync(running, opening, live, below);
        }
    }

    public Task StopAsync()
    {
        stopping = true;
        lock (gate)
        {
            return running;
        }
    }

    private async Task SweepAfterAsync(Task before, ReplicaOpening opening, int live, int below)
    {
        await before.ConfigureAwait(false);
        await Task.Yield();
        try
        {
            for (var deleted = RowsAtATime; deleted == RowsAtATime && !stopping;)
            {
                deleted = await database.RunAsync(connection => SweepAsync(connection, opening, live, below), CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (PostgresDatabase.IsOfDatabase(exception) || exception is ObjectDisposedException)
        {
            PostgresLog.NotSwept(logger, opening.Slot.Name, exception);
        }
    }

    private static async Task<int> SweepAsync(NpgsqlConnection connection, ReplicaOpening opening, int live, int below)
    {
        await using var command = new NpgsqlCommand("SELECT multidc.sweep($1,$2,$3,$4,$5)", connection);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = opening.Slot.Number });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = (long)opening.Epoch.Value });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = live });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = below });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = RowsAtATime });
        return (int)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
    }
}
