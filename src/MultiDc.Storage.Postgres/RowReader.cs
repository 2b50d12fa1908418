using System.Threading.Channels;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// Reads epochs and single rows for whoever waits, many in one round trip: a replica asks for its epoch before every answer it gives, and
/// a silo has many replicas. Every answer is as of after the question came.
/// </summary>
internal sealed class RowReader
{
    private const int MaxBatch = 512;
    private const int MaxWaiting = 65536;
    private const int Connections = 2;

    private const string Sql = """
        SELECT r.epoch, s.value
        FROM unnest($1::int[], $2::int[], $3::bytea[]) WITH ORDINALITY AS q(slot, generation, key, i)
        LEFT JOIN multidc.replica r ON r.slot = q.slot
        LEFT JOIN multidc.state s ON s.slot = q.slot AND s.generation = q.generation AND s.key = q.key
        ORDER BY q.i
        """;

    private readonly PostgresDatabase database;
    private readonly Channel<Question> waiting = Channel.CreateBounded<Question>(new BoundedChannelOptions(MaxWaiting));
    private readonly Task[] running;

    public RowReader(PostgresDatabase database)
    {
        this.database = database;
        running = [.. Enumerable.Range(0, Connections).Select(_ => Task.Run(RunAsync))];
    }

    /// <summary>Confirms that no later opening exists.</summary>
    public async Task ConfirmAsync(ReplicaOpening opening, CancellationToken cancellationToken) =>
        await AskAsync(opening, null, cancellationToken).ConfigureAwait(false);

    /// <summary>The stored bytes of a row, or null.</summary>
    public Task<byte[]?> GetAsync(ReplicaOpening opening, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) => AskAsync(opening, key, cancellationToken);

    public Task StopAsync()
    {
        waiting.Writer.TryComplete();
        return Task.WhenAll(running);
    }

    private async Task<byte[]?> AskAsync(ReplicaOpening opening, ReadOnlyMemory<byte>? key, CancellationToken cancellationToken)
    {
        var question = new Question(opening.Slot.Number, opening.Rows.Generation, key);
        try
        {
            await waiting.Writer.WriteAsync(question, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(PostgresReplicaStore));
        }

        var (epoch, value) = await question.Answer.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (epoch > opening.Epoch.Value)
        {
            opening.Slot.Raise(epoch);
        }

        opening.RequireLatest();
        return value;
    }

    private async Task RunAsync()
    {
        var batch = new List<Question>();
        while (await waiting.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (batch.Count < MaxBatch && waiting.Reader.TryRead(out var question))
            {
                batch.Add(question);
            }

            if (batch.Count == 0)
            {
                continue;
            }

            try
            {
                await AnswerAsync(batch).ConfigureAwait(false);
                database.Reached();
            }
            catch (Exception exception)
            {
                var cause = database.Explain(exception);
                foreach (var question in batch)
                {
                    question.Fail(cause);
                }
            }

            batch.Clear();
        }
    }

    private async Task AnswerAsync(List<Question> batch)
    {
        await using var connection = await database.Source.OpenConnectionAsync().ConfigureAwait(false);
        await using var command = new NpgsqlCommand(Sql, connection);
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. batch.Select(static question => question.Slot)] });
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. batch.Select(static question => question.Generation)] });
        command.Parameters.Add(new NpgsqlParameter<byte[]?[]> { TypedValue = [.. batch.Select(static question => question.Key?.ToArray())] });
        await using var reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        foreach (var question in batch)
        {
            Invariant.Require(await reader.ReadAsync().ConfigureAwait(false), "every question has a row");
            question.Answer.TrySetResult((
                reader.IsDBNull(0) ? ulong.MaxValue : (ulong)reader.GetInt64(0), reader.IsDBNull(1) ? null : (byte[])reader[1]));
        }
    }

    private sealed record Question(int Slot, int Generation, ReadOnlyMemory<byte>? Key)
    {
        public TaskCompletionSource<(ulong Epoch, byte[]? Value)> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Fail(Exception cause)
        {
            if (Answer.TrySetException(cause))
            {
                _ = Answer.Task.Exception;
            }
        }
    }
}
