using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>A snapshot being received into a generation of rows of its own, which nobody reads until a commit names it the state.</summary>
internal sealed class PostgresStagedSnapshot(
    ReplicaOpening opening, int generation, SnapshotMetadata metadata, PostgresDatabase database, StateSweeper sweeper) : IStagedSnapshot
{
    private byte[]? lastKey;
    private bool isSealed;

    public SnapshotMetadata Metadata { get; } = metadata;

    public int Generation { get; } = generation;

    public ulong Index => Metadata.LastIncluded.Index.Value;

    public async ValueTask AddAsync(IReadOnlyList<StateRow> rows, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RequireCurrent();
        Invariant.Require(!isSealed, "nothing is added to a snapshot that is being installed");
        var (keys, values) = (new ReadOnlyMemory<byte>[rows.Count], new byte[rows.Count][]);
        var slot = opening.Slot;
        for (var i = 0; i < rows.Count; i++)
        {
            var (key, value) = rows[i];
            Invariant.Require(lastKey is null || key.Span.SequenceCompareTo(lastKey) > 0, "keys of a staged snapshot ascend over all calls");
            (keys[i], values[i]) = (key, StateValues.Encode(slot.Number, Generation, key.Span, value.Span));
            lastKey = key.ToArray();
        }

        try
        {
            if (await database.RunAsync(connection => InsertAsync(connection, keys, values), cancellationToken).ConfigureAwait(false) is { } fenced)
            {
                slot.Raise((ulong)fenced[0, 1]);
            }
        }
        catch (Exception exception) when (PostgresDatabase.IsOfDatabase(exception))
        {
            var cause = database.Explain(exception);
            if (cause is StoreUnavailableException)
            {
                // Whether these rows are there nobody knows, so the snapshot cannot be completed.
                isSealed = true;
            }

            throw cause;
        }

        RequireCurrent();
    }

    private async Task<long[,]?> InsertAsync(NpgsqlConnection connection, ReadOnlyMemory<byte>[] keys, byte[][] values)
    {
        await using var command = new NpgsqlCommand("SELECT multidc.stage_rows($1,$2,$3,$4,$5)", connection);
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = opening.Slot.Number });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = (long)opening.Epoch.Value });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Generation });
        command.Parameters.Add(new NpgsqlParameter<ReadOnlyMemory<byte>[]> { TypedValue = keys });
        command.Parameters.Add(new NpgsqlParameter<byte[][]> { TypedValue = values });
        return await command.ExecuteScalarAsync().ConfigureAwait(false) as long[,];
    }

    /// <summary>Nothing more is added.</summary>
    public void Seal()
    {
        RequireCurrent();
        isSealed = true;
    }

    public void RequireInstallable()
    {
        Invariant.Require(isSealed && ReferenceEquals(opening.Staged, this), "what is installed is the snapshot staged last, complete");
        Invariant.Require(Index >= opening.Rows.Applied, "a snapshot never takes the state back");
    }

    /// <summary>Called by the committer when the batch that names this generation the state is durable.</summary>
    public void Adopt()
    {
        opening.Rows.Replace(Generation, Index);
        opening.Staged = null;
        sweeper.Sweep(opening, below: Generation);
    }

    private void RequireCurrent()
    {
        opening.RequireLatest();
        if (!ReferenceEquals(opening.Staged, this))
        {
            throw new InvalidOperationException(
                $"the snapshot of replica {opening.Slot.Name} up to {Index} is not staged any more: another one was begun, or it is installed");
        }
    }
}
