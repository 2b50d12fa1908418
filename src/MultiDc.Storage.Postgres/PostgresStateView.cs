using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// A replica's rows at one applied index: the unwritten rows of that moment over a snapshot that the database keeps (a repeatable-read
/// transaction on a connection of its own). The snapshot is taken at the first read, or before rows are written that it must not have.
/// </summary>
internal sealed class PostgresStateView(
    ReplicaOpening opening, PostgresDatabase database, ImmutableSortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>[] layers)
    : IReplicaStateView
{
    private const int FirstPageRows = 64;
    private const int MaxPageRows = 2000;
    private const int PageBytes = 512 * 1024;

    private readonly int generation = opening.Rows.Generation;
    private readonly SemaphoreSlim turn = new(1);
    private NpgsqlConnection? connection;
    private Exception? failure;
    private bool disposed;

    public LogIndex Applied { get; } = new(opening.Rows.Applied);

    public async ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed), this);
        foreach (var layer in layers)
        {
            if (layer.TryGetValue(key, out var value))
            {
                return value;
            }
        }

        var rows = await ReadAsync(
            "SELECT key, value FROM multidc.state WHERE slot = $1 AND generation = $2 AND key = $3", key, null, null, cancellationToken).ConfigureAwait(false);
        return rows.Count == 0 ? (ReadOnlyMemory<byte>?)null : rows[0].Value;
    }

    public async IAsyncEnumerable<StateRow> ScanAsync(
        ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var unwritten = Unwritten(from, to);
        var next = from;
        var pageRows = FirstPageRows;
        for (var more = to is null || from.Span.SequenceCompareTo(to.Value.Span) < 0; more;)
        {
            var page = await ReadPageAsync(next, to, pageRows, cancellationToken).ConfigureAwait(false);
            more = page.Count == pageRows;
            foreach (var row in page)
            {
                while (unwritten.TryPeek(out var change) && change.Key.Span.SequenceCompareTo(row.Key.Span) < 0)
                {
                    unwritten.Dequeue();
                    if (change.Value is { } value)
                    {
                        yield return new StateRow(change.Key, value);
                    }
                }

                if (unwritten.TryPeek(out var same) && same.Key.Span.SequenceEqual(row.Key.Span))
                {
                    unwritten.Dequeue();
                    if (same.Value is { } value)
                    {
                        yield return new StateRow(same.Key, value);
                    }
                }
                else
                {
                    yield return row;
                }
            }

            if (more)
            {
                // The smallest key after the last row's; as many rows as a page's bytes would have been.
                next = (byte[])[.. page[^1].Key.Span, 0];
                var bytes = page.Sum(static row => row.Key.Length + row.Value.Length) + 1;
                pageRows = (int)Math.Clamp((long)PageBytes * page.Count / bytes, 1, MaxPageRows);
            }
        }

        foreach (var (key, change) in unwritten)
        {
            if (change is { } value)
            {
                yield return new StateRow(key, value);
            }
        }
    }

    /// <summary>Takes the database's snapshot now, if it was not taken yet. What goes wrong is told to who reads.</summary>
    public async Task TakeSnapshotAsync()
    {
        await turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await BeginAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            failure ??= PostgresDatabase.IsOfDatabase(exception) ? database.Explain(exception) : exception;
        }
        finally
        {
            opening.Rows.RemoveUnread(this);
            turn.Release();
            CloseIfDisposed();
        }
    }

    public void Dispose()
    {
        Volatile.Write(ref disposed, true);
        opening.Rows.RemoveUnread(this);
        CloseIfDisposed();
    }

    // Whoever holds the turn calls this when it is done.
    private void CloseIfDisposed()
    {
        if (Volatile.Read(ref disposed) && turn.Wait(0))
        {
            if (connection is { } open)
            {
                connection = null;
                database.CloseViewConnection(open);
            }

            turn.Release();
        }
    }

    private Queue<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?>> Unwritten(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to)
    {
        var merged = layers[0];
        foreach (var row in layers[1])
        {
            merged = merged.ContainsKey(row.Key) ? merged : merged.Add(row.Key, row.Value);
        }

        return new(merged.Where(row => row.Key.Span.SequenceCompareTo(from.Span) >= 0 && (to is not { } end || row.Key.Span.SequenceCompareTo(end.Span) < 0)));
    }

    private Task<List<StateRow>> ReadPageAsync(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to, int rows, CancellationToken cancellationToken) => ReadAsync(
        $"SELECT key, value FROM multidc.state WHERE slot = $1 AND generation = $2 AND key >= $3{(to is null ? "" : " AND key < $5")} ORDER BY key LIMIT $4",
        from, rows, to, cancellationToken);

    private async Task<List<StateRow>> ReadAsync(
        string sql, ReadOnlyMemory<byte> key, int? limit, ReadOnlyMemory<byte>? to, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed), this);
            var at = await BeginAsync(cancellationToken).ConfigureAwait(false);
            await using var command = new NpgsqlCommand(sql, at);
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = opening.Slot.Number });
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = generation });
            command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = key });
            if (limit is { } rows)
            {
                command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = rows });
            }

            if (to is { } end)
            {
                command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>> { TypedValue = end });
            }

            return await ReadRowsAsync(command, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (PostgresDatabase.IsOfDatabase(exception) && exception is not StoreCorruptedException)
        {
            failure ??= database.Explain(exception);
            throw failure;
        }
        finally
        {
            turn.Release();
            CloseIfDisposed();
        }
    }

    private async Task<List<StateRow>> ReadRowsAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var rows = new List<StateRow>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var key = (byte[])reader[0];
            rows.Add(new StateRow(key, StateValues.Decode(opening.Slot, generation, key, (byte[])reader[1])));
        }

        return rows;
    }

    // With the turn held.
    private async Task<NpgsqlConnection> BeginAsync(CancellationToken cancellationToken)
    {
        if (failure is not null)
        {
            throw failure;
        }

        if (connection is not null)
        {
            return connection;
        }

        var opened = await database.OpenViewConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await RequireLatestAsync(opened).ConfigureAwait(false);
        }
        catch
        {
            database.CloseViewConnection(opened);
            throw;
        }

        opening.Rows.RemoveUnread(this);
        return connection = opened;
    }

    /// <summary>A later opening elsewhere may have written rows that this view must not have.</summary>
    private async Task RequireLatestAsync(NpgsqlConnection opened)
    {
        await using (var begin = new NpgsqlCommand("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", opened))
        {
            await begin.ExecuteNonQueryAsync().ConfigureAwait(false);
        }

        await using var command = new NpgsqlCommand("SELECT epoch FROM multidc.replica WHERE slot = $1 AND generation = $2", opened);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = opening.Slot.Number });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = generation });
        if (await command.ExecuteScalarAsync().ConfigureAwait(false) is long epoch && epoch == (long)opening.Epoch.Value)
        {
            return;
        }

        await using var newest = new NpgsqlCommand("SELECT epoch FROM multidc.replica WHERE slot = $1", opened);
        newest.Parameters.Add(new NpgsqlParameter<int> { TypedValue = opening.Slot.Number });
        var current = await newest.ExecuteScalarAsync().ConfigureAwait(false) is long raised ? (ulong)raised : ulong.MaxValue;
        opening.Slot.Raise(current);
        throw new FencedException(opening.Slot.Name, opening.Epoch, new Epoch(current));
    }
}
