using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// The one place that writes logs, hard states, epochs and records. A thread of its own, so that busy grains cannot keep it from the
/// database, turns all waiting commands of all replicas into one statement: group commit over shards. What it cannot learn the outcome of
/// ends the openings concerned; the next batch connects anew.
/// </summary>
internal sealed class Committer : IAsyncDisposable
{
    private readonly PostgresReplicaStoreOptions options;
    private readonly PostgresDatabase database;
    private readonly StoreFailure failure;
    private readonly StoreMetrics metrics;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly ReplicaTable replicas = new();
    private readonly Channel<PostgresCommand> queue;
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<PostgresCommand> waiting = [];
    private NpgsqlConnection? connection;
    private BatchStatement? statement;

    public Committer(
        PostgresReplicaStoreOptions options, PostgresDatabase database, StoreFailure failure, StoreMetrics metrics, TimeProvider time, ILogger logger)
    {
        this.options = options;
        this.database = database;
        this.failure = failure;
        this.metrics = metrics;
        this.time = time;
        this.logger = logger;
        queue = Channel.CreateBounded<PostgresCommand>(new BoundedChannelOptions(options.MaxQueuedWrites)
        {
            SingleReader = true,
            // The reader waits on an event, which whoever writes may set: waking it must not need a free pool thread.
            AllowSynchronousContinuations = true,
        });
        new Thread(Run) { IsBackground = true, Name = "multidc-store-commit" }.Start();
    }

    public int QueueDepth => queue.Reader.Count;

    /// <summary>
    /// Queues a command; the task is its answer, itself and unwrapped, so that tasks complete in the order of the calls. A full queue
    /// makes callers wait in turn, command in hand. Cancelling gives up waiting; a queued command takes effect all the same.
    /// </summary>
    public Task<T> SubmitAsync<T>(PostgresCommand<T> command, CancellationToken cancellationToken)
    {
        if (failure.HasFailed)
        {
            return Task.FromException<T>(failure.Exception());
        }

        var queued = queue.Writer.WriteAsync(command, cancellationToken);
        if (!queued.IsCompletedSuccessfully)
        {
            _ = AnswerUnlessQueuedAsync(queued, command);
        }

        return command.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Takes no more commands, answers those that wait and ends the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        await ended.Task.ConfigureAwait(false);
    }

    private void Run()
    {
        while (queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            for (var bytes = 0L; bytes < options.MaxBatchBytes && queue.Reader.TryRead(out var command); bytes += command.SizeBytes)
            {
                waiting.Add(command);
            }

            Commit();
            waiting.Clear();
        }

        Disconnect();
        ended.SetResult();
    }

    private static async Task AnswerUnlessQueuedAsync(ValueTask queued, PostgresCommand command)
    {
        try
        {
            await queued.ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            command.Fail(new ObjectDisposedException(nameof(PostgresReplicaStore)));
        }
        catch (OperationCanceledException exception)
        {
            command.Fail(exception);
        }
    }

    private void Commit()
    {
        try
        {
            // A round that founds replicas is followed by one that opens them.
            for (IReadOnlyList<PostgresCommand> round = waiting; round.Count > 0;)
            {
                failure.ThrowIfFailed();
                CommitRound(round);
                round = [.. round.Where(static command => command.IsUnfinished && command.Refusal is null)];
            }
        }
        catch (StoreFailedException exception)
        {
            waiting.ForEach(command => command.Fail(exception));
            return;
        }
        catch (StoreUnavailableException exception)
        {
            waiting.ForEach(command => command.Fail(exception));
            return;
        }

        foreach (var command in waiting)
        {
            command.Answer();
        }
    }

    /// <summary>Stages and commits, again without what the database refuses, until all is durable or refused.</summary>
    private void CommitRound(IReadOnlyList<PostgresCommand> round)
    {
        while (true)
        {
            var batch = new CommitBatch(replicas);
            try
            {
                ReadRows(batch, round);
                foreach (var command in round.Where(static command => command.Refusal is null))
                {
                    Stage(command, batch);
                }

                if (batch.IsEmpty || Execute(batch, round.Count))
                {
                    batch.Adopt();
                    ReadRecords(batch, round);
                    return;
                }
            }
            catch (Exception exception)
            {
                // Whatever it was: nobody may be told that the batch is durable, nor that it is not.
                var cause = database.Explain(exception);
                Disconnect();
                if (cause is StoreFullException full)
                {
                    RefuseForSpace(round, full);
                    continue;
                }

                database.Source.Clear();
                batch.End(cause);
                throw cause;
            }
        }
    }

    /// <summary>False: some of the replicas are fenced, and nothing was done.</summary>
    private bool Execute(CommitBatch batch, int commands)
    {
        options.BeforeCommit?.Invoke(commands);
        var started = time.GetTimestamp();
        Connect();
        if (statement!.Execute(batch) is { } fenced)
        {
            var slots = batch.Changes.ToDictionary(static of => of.Slot.Number, static of => of.Slot);
            for (var i = 0; i < fenced.GetLength(0); i++)
            {
                RaiseTo(slots[(int)fenced[i, 0]], fenced[i, 1]);
            }

            return false;
        }

        metrics.Committed(commands, time.GetElapsedTime(started));
        database.Succeeded();
        return true;
    }

    /// <summary>An epoch never falls, and no replica goes: a database where that happened has forgotten what it said.</summary>
    private void RaiseTo(ReplicaSlot slot, long stored)
    {
        if (stored < 0 || (ulong)stored < slot.CurrentEpoch)
        {
            throw new StoreOpenException(
                $"{database.Description} has forgotten epoch {slot.CurrentEpoch} of replica {slot.Name}: it may have forgotten what the replica promised");
        }

        slot.Raise((ulong)stored);
    }

    private void Stage(PostgresCommand command, CommitBatch batch)
    {
        try
        {
            command.Stage(batch);
        }
        catch (FencedException exception)
        {
            metrics.Fenced();
            PostgresLog.Fenced(logger, exception.Message);
            command.Refusal = exception;
        }
        catch (StoreCorruptedException exception)
        {
            PostgresLog.Corrupted(logger, exception);
            command.Refusal = exception;
        }
        catch (Exception exception) when (exception is LogGapException or RaftInvariantException or ObjectDisposedException or StoreUnavailableException)
        {
            command.Refusal = exception;
        }
    }

    /// <summary>The database said that it did not do it: definitely nothing was written.</summary>
    private void RefuseForSpace(IReadOnlyList<PostgresCommand> round, StoreFullException full)
    {
        var needing = round.Where(static command => command.Refusal is null && command.NeedsSpace).ToArray();
        foreach (var command in needing.Length > 0 ? needing : round.Where(static command => command.Refusal is null))
        {
            metrics.RefusedFull();
            command.Refusal = full;
        }
    }

    /// <summary>Where the replicas stand that are to be opened. Others may raise an epoch after this; the statement then says so.</summary>
    private void ReadRows(CommitBatch batch, IReadOnlyList<PostgresCommand> round)
    {
        var names = round.OfType<OpenReplicaCommand>().Where(static open => open.Refusal is null).Select(static open => open.Name.Value).Distinct().ToArray();
        if (names.Length == 0)
        {
            return;
        }

        Connect();
        using var command = new NpgsqlCommand("SELECT name, slot, epoch, generation, record FROM multidc.replica WHERE name = ANY($1)", connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = names });
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var name = new ReplicaName(reader.GetString(0));
            var row = new ReplicaRow(reader.GetInt32(1), (ulong)reader.GetInt64(2), reader.GetInt32(3));
            batch.Rows[name] = (row, Check(name, row, (byte[])reader[4]));
            if (replicas.TryGet(name, out var slot))
            {
                slot.Raise(row.Epoch);
            }
        }

        database.Reached();
    }

    private static StoreCorruptedException? Check(ReplicaName name, ReplicaRow row, byte[] record)
    {
        var key = $"replica/{row.Slot}";
        try
        {
            var stored = StoreRecords.DecodeReplica(record);
            return stored == new ReplicaRecord(row.Epoch, (uint)row.Generation)
                ? null
                : new StoreCorruptedException(name, key, $"its columns say epoch {row.Epoch} and generation {row.Generation}, its record {stored.Epoch} and {stored.Generation}");
        }
        catch (CodecException exception)
        {
            return new StoreCorruptedException(name, key, exception.Message, exception);
        }
    }

    private void ReadRecords(CommitBatch batch, IReadOnlyList<PostgresCommand> round)
    {
        if (batch.Records.Count == 0)
        {
            return;
        }

        using var command = new NpgsqlCommand("SELECT key, value FROM multidc.record WHERE key = ANY($1)", connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. batch.Records.Keys] });
        using var reader = command.ExecuteReader();
        var held = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        while (reader.Read())
        {
            held.Add(reader.GetString(0), (byte[])reader[1]);
        }

        foreach (var add in round.OfType<AddRecordCommand>().Where(static add => add.Refusal is null))
        {
            try
            {
                add.Held = StoreRecords.DecodeRecord(held[add.Key]);
            }
            catch (CodecException exception)
            {
                add.Refusal = new StoreCorruptedException(null, $"record/{add.Key}", exception.Message, exception);
            }
        }
    }

    private void Connect()
    {
        if (connection is not null)
        {
            return;
        }

        var opening = database.Source.OpenConnection();
        connection = opening;
        statement = new BatchStatement(opening);
        statement.Prepare();
    }

    private void Disconnect()
    {
        statement?.Dispose();
        connection?.Dispose();
        (statement, connection) = (null, null);
    }
}
