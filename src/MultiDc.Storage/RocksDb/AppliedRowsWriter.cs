namespace MultiDc.Storage;

/// <summary>
/// Hands applied rows to RocksDB on a thread of its own: a thousand of them take longer than a flush of the log, and whoever applies would keep a shard's writers waiting meanwhile.
/// Each opening is in the queue once at most. Whoever finds its last ones not written yet writes them, and the next, without it: rows never wait for more than one turn of this thread.
/// </summary>
internal sealed class AppliedRowsWriter
{
    private readonly RocksDbReplicaStoreOptions options;
    private readonly RocksDbStateWriter writer;
    private readonly StoreFailure failure;
    private readonly Queue<ReplicaOpening> queue = new();
    private readonly Thread thread;
    private bool isStopping;

    public AppliedRowsWriter(RocksDbReplicaStoreOptions options, RocksDbStateWriter writer, StoreFailure failure)
    {
        this.options = options;
        this.writer = writer;
        this.failure = failure;
        thread = new Thread(Run) { IsBackground = true, Name = "multidc-store-rows" };
        thread.Start();
    }

    /// <summary>Freezes the opening's rows and has them written soon. Called with the slot's gate held, of the latest opening.</summary>
    /// <returns>False: the last ones are not written yet, and nothing has changed.</returns>
    public bool TryWrite(ReplicaOpening opening)
    {
        // Whoever is writing them has the lock: not to be waited for only to hear that.
        if (!opening.Slot.Writing.TryEnter())
        {
            return false;
        }

        try
        {
            if (opening.Rows.FrozenUpTo is not null)
            {
                return false;
            }

            opening.Rows.Freeze(opening.Applied);
        }
        finally
        {
            opening.Slot.Writing.Exit();
        }

        lock (queue)
        {
            // It may be there still for those that somebody else has written.
            if (!opening.IsQueuedForWriting)
            {
                opening.IsQueuedForWriting = true;
                queue.Enqueue(opening);
                Monitor.Pulse(queue);
            }
        }

        return true;
    }

    /// <summary>Ends the thread. What is frozen stays so; a flush writes it.</summary>
    public void Stop()
    {
        lock (queue)
        {
            isStopping = true;
            Monitor.Pulse(queue);
        }

        thread.Join();
    }

    private void Run()
    {
        while (Take() is { } opening)
        {
            try
            {
                options.BeforeRowsWrite?.Invoke();
                writer.WriteFrozen(opening);
            }
            catch (StoreFullException)
            {
                // They stay frozen, and nothing more is applied until there is space. Then a flush writes them, or whoever finds the next table full.
            }
            catch (Exception exception) when (exception is StoreFailedException or ObjectDisposedException)
            {
                // Whoever applies next is told the same.
            }
            catch (Exception exception)
            {
                failure.Fail(exception);
            }
        }
    }

    private ReplicaOpening? Take()
    {
        lock (queue)
        {
            while (queue.Count == 0 && !isStopping)
            {
                Monitor.Wait(queue);
            }

            if (isStopping)
            {
                return null;
            }

            var opening = queue.Dequeue();
            opening.IsQueuedForWriting = false;
            return opening;
        }
    }
}
