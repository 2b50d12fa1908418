using System.Collections.Immutable;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// Writes applied rows to the database, with their applied index in the same transaction. All replicas that wait share a statement, up to
/// a size; a caller that comes while one runs waits for the next, because the running one may not contain its rows.
/// </summary>
internal sealed class StateFlusher(PostgresReplicaStoreOptions options, PostgresDatabase database, StoreFailure failure, StoreMetrics metrics, TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly HashSet<ReplicaOpening> dirty = [];
    private List<Waiting> next = [];
    private Task running = Task.CompletedTask;

    /// <summary>The opening has applied something.</summary>
    public void MarkDirty(ReplicaOpening opening)
    {
        lock (gate)
        {
            dirty.Add(opening);
        }
    }

    public Task FlushAsync(ReplicaOpening opening)
    {
        failure.ThrowIfFailed();
        var waiting = new Waiting(opening);
        lock (gate)
        {
            next.Add(waiting);
            if (running.IsCompleted)
            {
                running = Task.Run(RunAsync);
            }
        }

        return waiting.Done.Task;
    }

    /// <summary>Begins a flush that nobody waits for.</summary>
    public void BeginFlush(ReplicaOpening opening) =>
        _ = FlushAsync(opening).ContinueWith(static done => _ = done.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);

    /// <summary>Everything applied, as far as it can be written.</summary>
    public async Task FlushAllAsync()
    {
        ReplicaOpening[] all;
        lock (gate)
        {
            all = [.. dirty];
        }

        await Task.WhenAll(all.Select(FlushAsync)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Forget(ReplicaOpening opening)
    {
        lock (gate)
        {
            dirty.Remove(opening);
        }
    }

    private async Task RunAsync()
    {
        while (Take() is { Count: > 0 } taken)
        {
            var asked = taken.ToLookup(static waiting => waiting.Opening);
            foreach (var openings in InStatements([.. asked.Select(static waiting => waiting.Key)]))
            {
                await FlushAsync(openings, asked).ConfigureAwait(false);
            }
        }
    }

    private List<Waiting> Take()
    {
        lock (gate)
        {
            var taken = next;
            next = [];
            if (taken.Count == 0)
            {
                // Completed here, under the gate, so that a caller who comes now starts a new run.
                running = Task.CompletedTask;
            }

            return taken;
        }
    }

    private IEnumerable<List<ReplicaOpening>> InStatements(ReplicaOpening[] openings)
    {
        var statement = new List<ReplicaOpening>();
        var bytes = 0L;
        foreach (var opening in openings)
        {
            statement.Add(opening);
            bytes += opening.Rows.Bytes;
            if (bytes >= options.MaxBatchBytes)
            {
                yield return statement;
                (statement, bytes) = ([], 0);
            }
        }

        if (statement.Count > 0)
        {
            yield return statement;
        }
    }

    private async Task FlushAsync(List<ReplicaOpening> openings, ILookup<ReplicaOpening, Waiting> asked)
    {
        var begun = new List<Rows>();
        var started = time.GetTimestamp();
        try
        {
            foreach (var opening in openings)
            {
                begun.Add(await BeginAsync(opening).ConfigureAwait(false));
            }

            var fenced = await WriteAsync(begun).ConfigureAwait(false);
            metrics.StateFlushed(time.GetElapsedTime(started));
            foreach (var rows in begun)
            {
                if (fenced.Contains(rows.Opening.Slot.Number))
                {
                    rows.Opening.Rows.FailWriting();
                    Fail(asked[rows.Opening], new FencedException(rows.Opening.Slot.Name, rows.Opening.Epoch, new Epoch(rows.Opening.Slot.CurrentEpoch)));
                    continue;
                }

                rows.Opening.Rows.EndWriting(rows.Applied);
                foreach (var waiting in asked[rows.Opening])
                {
                    waiting.Done.TrySetResult();
                }
            }
        }
        catch (Exception exception)
        {
            var cause = database.Explain(exception);
            foreach (var rows in begun)
            {
                rows.Opening.Rows.FailWriting();
            }

            foreach (var opening in openings)
            {
                Fail(asked[opening], cause);
            }
        }
    }

    private static void Fail(IEnumerable<Waiting> asked, Exception cause)
    {
        foreach (var waiting in asked)
        {
            if (waiting.Done.TrySetException(cause))
            {
                _ = waiting.Done.Task.Exception;
            }
        }
    }

    private static async Task<Rows> BeginAsync(ReplicaOpening opening)
    {
        while (true)
        {
            if (opening.Rows.TryBeginWriting(out var unread, out var applied) is { } changed)
            {
                return new Rows(opening, opening.Rows.Generation, applied, changed);
            }

            foreach (var view in unread)
            {
                await view.TakeSnapshotAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Writes all but the fenced, whose slots it returns.</summary>
    private async Task<HashSet<int>> WriteAsync(List<Rows> all)
    {
        var fenced = new HashSet<int>();
        while (true)
        {
            var writing = all.Where(rows => rows.Applied > rows.Opening.Rows.DurableApplied && !fenced.Contains(rows.Opening.Slot.Number))
                .OrderBy(static rows => rows.Opening.Slot.Number).ToArray();
            if (writing.Length == 0)
            {
                return fenced;
            }

            if (await ExecuteAsync(writing).ConfigureAwait(false) is not { } refused)
            {
                database.Succeeded();
                return fenced;
            }

            for (var i = 0; i < refused.GetLength(0); i++)
            {
                fenced.Add((int)refused[i, 0]);
                writing.First(rows => rows.Opening.Slot.Number == refused[i, 0]).Opening.Slot.Raise(refused[i, 1] < 0 ? ulong.MaxValue : (ulong)refused[i, 1]);
            }
        }
    }

    private async Task<long[,]?> ExecuteAsync(Rows[] writing)
    {
        var (slots, generations, keys, values) = (new List<int>(), new List<int>(), new List<ReadOnlyMemory<byte>>(), new List<byte[]>());
        var (deletedSlots, deletedGenerations, deletedKeys) = (new List<int>(), new List<int>(), new List<ReadOnlyMemory<byte>>());
        foreach (var rows in writing)
        {
            var slot = rows.Opening.Slot.Number;
            foreach (var (key, change) in rows.Changed)
            {
                if (change is { } value)
                {
                    slots.Add(slot);
                    generations.Add(rows.Generation);
                    keys.Add(key);
                    values.Add(StateValues.Encode(slot, rows.Generation, key.Span, value.Span));
                }
                else
                {
                    deletedSlots.Add(slot);
                    deletedGenerations.Add(rows.Generation);
                    deletedKeys.Add(key);
                }
            }
        }

        await using var connection = await database.Source.OpenConnectionAsync().ConfigureAwait(false);
        await using var command = new NpgsqlCommand("SELECT multidc.flush_state($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)", connection);
        Add<int[]>([.. writing.Select(static rows => rows.Opening.Slot.Number)]);
        Add<long[]>([.. writing.Select(static rows => (long)rows.Opening.Epoch.Value)]);
        Add<int[]>([.. writing.Select(static rows => rows.Generation)]);
        Add<byte[][]>([.. writing.Select(static rows => StoreRecords.EncodeApplied(rows.Applied))]);
        Add<int[]>([.. slots]);
        Add<int[]>([.. generations]);
        Add<ReadOnlyMemory<byte>[]>([.. keys]);
        Add<byte[][]>([.. values]);
        Add<int[]>([.. deletedSlots]);
        Add<int[]>([.. deletedGenerations]);
        Add<ReadOnlyMemory<byte>[]>([.. deletedKeys]);
        return await command.ExecuteScalarAsync().ConfigureAwait(false) as long[,];

        void Add<T>(T value) => command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
    }

    private sealed record Waiting(ReplicaOpening Opening)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed record Rows(
        ReplicaOpening Opening, int Generation, ulong Applied, ImmutableSortedDictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> Changed);
}
