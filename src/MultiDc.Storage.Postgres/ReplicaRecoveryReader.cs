using System.Data;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// Reads what a freshly fenced opening starts from, in one snapshot and one round trip, and checks that it hangs together: a hole or an end
/// before what was applied means that entries were lost, which is reported and never papered over.
/// </summary>
internal sealed class ReplicaRecoveryReader(PostgresDatabase database, StateSweeper sweeper, ILogger logger)
{
    /// <summary>Also fills in the opening's bounds.</summary>
    public async Task<RaftRecovery> ReadAsync(ReplicaOpening opening, CancellationToken cancellationToken)
    {
        try
        {
            var recovered = await database.RunAsync(connection => ReadAsync(connection, opening, cancellationToken), cancellationToken).ConfigureAwait(false);
            database.Reached();
            return recovered;
        }
        catch (StoreCorruptedException exception)
        {
            PostgresLog.Corrupted(logger, exception);
            throw;
        }
        catch (Exception exception) when (PostgresDatabase.IsOfDatabase(exception))
        {
            throw database.Explain(exception);
        }
    }

    private async Task<RaftRecovery> ReadAsync(NpgsqlConnection connection, ReplicaOpening opening, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        await using var batch = new NpgsqlBatch(connection, transaction);
        Add("SELECT epoch, generation, hard_state, start_index, log_start FROM multidc.replica WHERE slot = $1");
        Add("SELECT a.record FROM multidc.applied a JOIN multidc.replica r USING (slot, generation) WHERE slot = $1");
        Add("SELECT greatest((SELECT generation FROM multidc.state WHERE slot = $1 ORDER BY generation DESC LIMIT 1), (SELECT generation FROM multidc.applied WHERE slot = $1 ORDER BY generation DESC LIMIT 1)), "
            + "(SELECT generation FROM multidc.state WHERE slot = $1 ORDER BY generation LIMIT 1)");
        Add("SELECT l.index, l.entry FROM multidc.log l JOIN multidc.replica r USING (slot) WHERE slot = $1 AND l.index > r.start_index ORDER BY l.index");
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(opening, reader, cancellationToken).ConfigureAwait(false);

        void Add(string sql)
        {
            var command = batch.CreateBatchCommand();
            command.CommandText = sql;
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = opening.Slot.Number });
            batch.BatchCommands.Add(command);
        }
    }

    /// <summary>A stored entry, or null when there is none.</summary>
    public async Task<LogEntry?> ReadEntryAsync(ReplicaOpening opening, ulong index, CancellationToken cancellationToken)
    {
        try
        {
            var stored = await database.RunAsync(
                async connection =>
                {
                    await using var command = new NpgsqlCommand("SELECT entry FROM multidc.log WHERE slot = $1 AND index = $2", connection);
                    command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = opening.Slot.Number });
                    command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = (long)index });
                    return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) as byte[];
                },
                cancellationToken).ConfigureAwait(false);
            return stored is null ? null : DecodeEntry(opening.Slot, index, stored);
        }
        catch (Exception exception) when (exception is not StoreCorruptedException && PostgresDatabase.IsOfDatabase(exception))
        {
            throw database.Explain(exception);
        }
    }

    private async Task<RaftRecovery> ReadAsync(ReplicaOpening opening, NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var slot = opening.Slot;
        if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            throw Corrupted(slot, "replica", "it is missing");
        }

        RequireLatest(opening, (ulong)reader.GetInt64(0), reader.GetInt32(1));
        var hardState = Decode(slot, "replica", "hard_state", (byte[])reader[2], static bytes => HardStateCodec.Decode(bytes));
        var start = Decode(slot, "replica", "log_start", (byte[])reader[4], static bytes => SnapshotMetadataCodec.Decode(bytes));
        var startIndex = start.LastIncluded.Index.Value;
        if ((ulong)reader.GetInt64(3) != startIndex)
        {
            throw Corrupted(slot, "replica", $"start_index is {reader.GetInt64(3)}, and log_start says {startIndex}");
        }

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        var applied = await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? Decode(slot, $"applied/{opening.Rows.Generation}", "record", (byte[])reader[0], StoreRecords.DecodeApplied)
            : 0;

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        var (highest, lowest) = (reader.IsDBNull(0) ? 0 : reader.GetInt32(0), reader.IsDBNull(1) ? int.MaxValue : reader.GetInt32(1));

        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        var entries = new List<LogEntry>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var index = startIndex + 1 + (ulong)entries.Count;
            if ((ulong)reader.GetInt64(0) != index)
            {
                throw Corrupted(slot, $"log/{index}", "the log has a hole here");
            }

            entries.Add(DecodeEntry(slot, index, (byte[])reader[1]));
        }

        Fill(opening, startIndex, (ulong)entries.Count, applied);
        opening.NextGeneration = checked(Math.Max(highest, opening.Rows.Generation) + 1);
        if (highest > opening.Rows.Generation || lowest < opening.Rows.Generation)
        {
            sweeper.Sweep(opening, below: opening.NextGeneration);
        }

        PostgresLog.ReplicaOpened(logger, slot.Name, opening.Epoch.Value, entries.Count);
        return new RaftRecovery(hardState, start, entries, new LogIndex(applied));
    }

    private static void RequireLatest(ReplicaOpening opening, ulong epoch, int generation)
    {
        if (epoch != opening.Epoch.Value)
        {
            opening.Slot.Raise(epoch);
            throw new FencedException(opening.Slot.Name, opening.Epoch, new Epoch(epoch));
        }

        Invariant.Require(generation == opening.Rows.Generation, "only the latest opening installs a snapshot");
    }

    private static void Fill(ReplicaOpening opening, ulong start, ulong entries, ulong applied)
    {
        opening.LogStart = start;
        opening.LogLast = start + entries;
        if (applied < start)
        {
            throw Corrupted(opening.Slot, $"applied/{opening.Rows.Generation}", $"applied is {applied}, but the log was compacted into {start}");
        }

        if (applied > opening.LogLast)
        {
            throw Corrupted(opening.Slot, $"log/{opening.LogLast + 1}", $"the log ends before it, but the state has applied up to {applied}");
        }

        opening.Rows.Start(applied);
    }

    private static LogEntry DecodeEntry(ReplicaSlot slot, ulong index, byte[] bytes)
    {
        var entry = Decode(slot, $"log/{index}", "entry", bytes, static value => EntryCodec.Decode(value));
        return entry.Index.Value == index ? entry : throw Corrupted(slot, $"log/{index}", $"it holds the entry of index {entry.Index}");
    }

    private static T Decode<T>(ReplicaSlot slot, string row, string column, byte[] bytes, Func<byte[], T> decode)
    {
        try
        {
            return decode(bytes);
        }
        catch (CodecException exception)
        {
            throw Corrupted(slot, row, $"{column}: {exception.Message}", exception);
        }
    }

    private static StoreCorruptedException Corrupted(ReplicaSlot slot, string row, string problem, Exception? inner = null) =>
        new(slot.Name, $"{(row == "replica" ? $"replica/{slot.Number}" : row.Insert(row.IndexOf('/'), $"/{slot.Number}"))}", problem, inner);
}
