namespace MultiDc.Storage;

/// <summary>
/// Makes written batches durable and answers their commands. While a sync runs on a thread of its own, the <see cref="Committer"/> writes
/// what comes in, and all of that is made durable by the next sync: a shard's append never waits for another one's disk time twice.
/// The first failed sync is the last: the kernel drops pages that it could not write and would call a second sync of them a success.
/// </summary>
internal sealed class LogSyncer
{
    /// <summary>With fewer commands in a sync nobody waits to be many: there are few writers, and room for their writes.</summary>
    private const int GatherFrom = 16;

    private readonly RocksDbReplicaStoreOptions options;
    private readonly StoreDatabase database;
    private readonly StoreFailure failure;
    private readonly LogReclaimer reclaimer;
    private readonly StoreMetrics metrics;
    private readonly TimeProvider time;
    private readonly Thread thread;
    private readonly object gate = new();
    private Written next = new([]);
    private Written syncing = new([]);
    private long syncs;
    private bool isSyncing;
    private bool isStopping;

    public LogSyncer(
        RocksDbReplicaStoreOptions options,
        StoreDatabase database,
        StoreFailure failure,
        LogReclaimer reclaimer,
        StoreMetrics metrics,
        TimeProvider time)
    {
        this.options = options;
        this.database = database;
        this.failure = failure;
        this.reclaimer = reclaimer;
        this.metrics = metrics;
        this.time = time;
        thread = new Thread(Run) { IsBackground = true, Name = "multidc-store-sync" };
        thread.Start();
    }

    /// <summary>Whether nothing waits for a sync. Only the committer makes it wait again.</summary>
    public bool IsIdle
    {
        get
        {
            lock (gate)
            {
                return !isSyncing && next.Commands.Count == 0;
            }
        }
    }

    /// <summary>How many commands are written and not durable yet.</summary>
    public int Unsynced
    {
        get
        {
            lock (gate)
            {
                return next.Commands.Count + syncing.Commands.Count;
            }
        }
    }

    /// <summary>
    /// While a sync of many commands runs and few wait compared with those in it, returns when it has ended: each batch takes RocksDB's one place for
    /// writing, which whoever applies rows wants, too.
    /// </summary>
    public void LetGather(int waiting)
    {
        lock (gate)
        {
            var current = syncs;
            while (isSyncing && syncs == current && syncing.Commands.Count >= GatherFrom && waiting < syncing.Commands.Count / 2)
            {
                Monitor.Wait(gate);
            }
        }
    }

    /// <summary>Has written commands synced and answered, after all that were handed over before. Waits while too many are.</summary>
    public void HandOver(List<StoreCommand> commands, long compactedBytes)
    {
        lock (gate)
        {
            while (next.Commands.Count >= options.MaxQueuedWrites)
            {
                Monitor.Wait(gate);
            }

            next.Commands.AddRange(commands);
            next.CompactedBytes += compactedBytes;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>The same on the caller's thread, which saves a single appender two changes of threads. Requires <see cref="IsIdle"/>.</summary>
    public void SyncHere(List<StoreCommand> commands, long compactedBytes) => SyncAndAnswer(new(commands) { CompactedBytes = compactedBytes });

    /// <summary>Returns when everything handed over before is answered.</summary>
    public void WaitUntilIdle()
    {
        lock (gate)
        {
            while (isSyncing || next.Commands.Count > 0)
            {
                Monitor.Wait(gate);
            }
        }
    }

    /// <summary>Answers what is durable, and tells the disk's part in it.</summary>
    public void Answer(List<StoreCommand> commands, long compactedBytes)
    {
        reclaimer.NoteCompacted(compactedBytes);
        foreach (var command in commands)
        {
            try
            {
                command.Answer();
            }
            catch (Exception exception)
            {
                command.Fail(failure.Fail(exception));
            }
        }
    }

    /// <summary>Answers what was handed over and ends the thread.</summary>
    public void Stop()
    {
        lock (gate)
        {
            isStopping = true;
            Monitor.PulseAll(gate);
        }

        thread.Join();
    }

    private void Run()
    {
        while (Take())
        {
            SyncAndAnswer(syncing);
            lock (gate)
            {
                syncing.Clear();
                isSyncing = false;
                Monitor.PulseAll(gate);
            }
        }
    }

    private bool Take()
    {
        lock (gate)
        {
            while (next.Commands.Count == 0)
            {
                if (isStopping)
                {
                    return false;
                }

                Monitor.Wait(gate);
            }

            (next, syncing) = (syncing, next);
            syncs++;
            isSyncing = true;
            Monitor.PulseAll(gate);
            return true;
        }
    }

    private void SyncAndAnswer(Written written)
    {
        try
        {
            failure.ThrowIfFailed();
            options.BeforeSync?.Invoke();
            var started = time.GetTimestamp();
            database.SyncLog();

            // RocksDB syncs closed write-ahead logs by itself, too. When that has failed meanwhile, this sync may have found nothing left to do.
            failure.ThrowIfFailed();
            metrics.Committed(written.Commands.Count, time.GetElapsedTime(started));
        }
        catch (Exception exception)
        {
            // Whatever it was, what is on disk is unknown: nobody may be told that it is durable.
            var failed = exception as StoreFailedException ?? failure.Fail(exception);
            foreach (var command in written.Commands)
            {
                command.Fail(failed);
            }

            return;
        }

        Answer(written.Commands, written.CompactedBytes);
    }

    /// <summary>Commands of batches that RocksDB has taken, in the order of the calls.</summary>
    private sealed class Written(List<StoreCommand> commands)
    {
        public List<StoreCommand> Commands { get; } = commands;

        public long CompactedBytes { get; set; }

        public void Clear()
        {
            Commands.Clear();
            CompactedBytes = 0;
        }
    }
}
