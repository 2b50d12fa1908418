using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// Makes applied rows durable. All replicas share the column family, hence one flush serves everybody who waits; a caller that comes
/// while one runs waits for the next, because the running one may not contain its rows.
/// </summary>
internal sealed class StateFlusher(
    RocksDbReplicaStoreOptions options,
    StoreDatabase database,
    RocksDbStateWriter writer,
    StoreFailure failure,
    FreeSpace space,
    StoreMetrics metrics,
    TimeProvider time)
{
    private readonly Lock gate = new();
    private Dictionary<uint, ReplicaOpening> dirty = [];
    private Dictionary<uint, ReplicaOpening> flushing = [];
    private TaskCompletionSource? next;
    private Task running = Task.CompletedTask;

    /// <summary>The opening has applied something that no flush contains yet.</summary>
    public void MarkDirty(ReplicaOpening opening)
    {
        lock (gate)
        {
            dirty[opening.Slot.Number] = opening;
        }
    }

    /// <summary>Whether rows of the slot would be lost in a crash now.</summary>
    public bool HasUnflushed(uint slot)
    {
        lock (gate)
        {
            return dirty.ContainsKey(slot) || flushing.ContainsKey(slot);
        }
    }

    public Task FlushAsync()
    {
        failure.ThrowIfFailed();
        lock (gate)
        {
            next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (running.IsCompleted)
            {
                running = Task.Run(FlushWaiting);
            }

            return next.Task;
        }
    }

    private void FlushWaiting()
    {
        while (Take() is { } waiting)
        {
            try
            {
                // Who waited behind a failed flush must not have it tried again: the pages it could not write are clean by now, and
                // a second one would call them durable.
                failure.ThrowIfFailed();
                Flush();
                waiting.SetResult();
            }
            catch (RocksDbException exception) when (FreeSpace.IsNoSpace(exception))
            {
                // No sync failed: RocksDB keeps the rows, and writes them all into another file once there is space.
                space.NoteDatabaseFull();
                MarkDirtyAgain();
                waiting.SetException(space.Exception());
            }
            catch (StoreFullException exception)
            {
                MarkDirtyAgain();
                waiting.SetException(exception);
            }
            catch (Exception exception) when (exception is StoreFailedException or ObjectDisposedException)
            {
                waiting.SetException(exception);
            }
            catch (Exception exception)
            {
                waiting.SetException(failure.Fail(exception));
            }
        }
    }

    private void MarkDirtyAgain()
    {
        lock (gate)
        {
            foreach (var (slot, opening) in flushing)
            {
                dirty.TryAdd(slot, opening);
            }
        }
    }

    private TaskCompletionSource? Take()
    {
        lock (gate)
        {
            flushing.Clear();
            if (next is null)
            {
                // Completed here, under the gate, so that a caller who comes now starts a new run.
                running = Task.CompletedTask;
                return null;
            }

            (dirty, flushing) = (flushing, dirty);
            var waiting = next;
            next = null;
            return waiting;
        }
    }

    private void Flush()
    {
        // Read before the flush: what is applied meanwhile may or may not be in it.
        var contained = new List<(ReplicaOpening Opening, ulong Applied)>(flushing.Count);
        foreach (var opening in flushing.Values)
        {
            contained.Add((opening, Write(opening)));
        }

        options.BeforeStateFlush?.Invoke();
        var started = time.GetTimestamp();
        database.FlushState();
        metrics.StateFlushed(time.GetElapsedTime(started));
        foreach (var (opening, applied) in contained)
        {
            lock (opening.Slot.Gate)
            {
                opening.RaiseDurableApplied(applied);
            }
        }
    }

    // Whoever applies waits for none of it: the slot's gate is not held while rows are written, by whomever.
    private ulong Write(ReplicaOpening opening)
    {
        writer.WriteFrozen(opening);

        // What was applied before the flush was asked for is frozen from here on, or was by then.
        WithoutWriters(opening, static latest =>
        {
            if (latest.IsLatest && latest.Rows.FrozenUpTo is null && latest.Written != latest.Applied)
            {
                latest.Rows.Freeze(latest.Applied);
            }
        });
        writer.WriteFrozen(opening);

        // Sooner, a replica that goes on to write would have to grow them again.
        WithoutWriters(opening, static silent => silent.Rows.ShrinkTables());
        lock (opening.Slot.Writing)
        {
            return opening.Written;
        }
    }

    private static void WithoutWriters(ReplicaOpening opening, Action<ReplicaOpening> act)
    {
        var slot = opening.Slot;
        while (true)
        {
            lock (slot.Gate)
            {
                if (slot.Writing.TryEnter())
                {
                    try
                    {
                        act(opening);
                        return;
                    }
                    finally
                    {
                        slot.Writing.Exit();
                    }
                }
            }

            // Until they have been written: it takes as much to be applied before the next are.
            lock (slot.Writing)
            {
            }
        }
    }
}
