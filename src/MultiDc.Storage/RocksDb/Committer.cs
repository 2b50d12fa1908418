using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>
/// The one place that writes <c>log</c> and <c>hard</c>. Turns all waiting commands of all replicas into one batch, which is then synced
/// (<see cref="LogSyncer"/>): group commit over shards. One at a time does so: a thread of its own, so that busy grains cannot keep it from the disk, or
/// a writer's that is about to sleep (<see cref="IWriterCommits"/>). The first failed batch is the last.
/// </summary>
internal sealed class Committer
{
    private readonly RocksDbReplicaStoreOptions options;
    private readonly StoreDatabase database;
    private readonly ReplicaTable replicas;
    private readonly StoreFailure failure;
    private readonly FreeSpace space;
    private readonly LogSyncer syncer;
    private readonly StoreMetrics metrics;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Channel<StoreCommand> queue;
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<StoreCommand> waiting = [];

    // Whoever has it commits. What is queued meanwhile is theirs, too: they look again when they have given it back.
    private readonly object commitGate = new();
    private readonly object wakeGate = new();
    private bool isAwake;
    private bool sleeps;

    public Committer(
        RocksDbReplicaStoreOptions options,
        StoreDatabase database,
        ReplicaTable replicas,
        StoreFailure failure,
        FreeSpace space,
        LogReclaimer reclaimer,
        StoreMetrics metrics,
        TimeProvider time,
        ILogger logger)
    {
        this.options = options;
        this.database = database;
        this.replicas = replicas;
        this.failure = failure;
        this.space = space;
        syncer = new LogSyncer(options, database, failure, reclaimer, metrics, time);
        this.metrics = metrics;
        this.time = time;
        this.logger = logger;
        queue = Channel.CreateBounded<StoreCommand>(new BoundedChannelOptions(options.MaxQueuedWrites));
        new Thread(Run) { IsBackground = true, Name = "multidc-store-commit" }.Start();
    }

    /// <inheritdoc cref="IWriterCommits.CommitsHere"/>
    public Func<bool> CommitsHere { get; set; } = static () => false;

    /// <summary>How many commands wait to be written.</summary>
    public int QueueDepth => queue.Reader.Count;

    /// <summary>Whether the store's own thread waits to be woken.</summary>
    public bool Sleeps
    {
        get
        {
            lock (wakeGate)
            {
                return sleeps && !isAwake;
            }
        }
    }

    /// <summary>How many commands are written and wait for a sync.</summary>
    public int Unsynced => syncer.Unsynced;

    /// <summary>
    /// Queues a command; the task is its answer, itself and unwrapped, so that tasks complete in the order of the calls. A full queue
    /// makes callers wait in turn, command in hand. Cancelling gives up waiting; a queued command takes effect all the same.
    /// </summary>
    public Task<T> SubmitAsync<T>(StoreCommand<T> command, CancellationToken cancellationToken)
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

        if (!CommitsHere())
        {
            Wake();
        }

        return command.Task.WaitAsync(cancellationToken);
    }

    /// <inheritdoc cref="IWriterCommits.CommitWaiting"/>
    public bool CommitWaiting()
    {
        if (queue.Reader.Count == 0 || !Monitor.TryEnter(commitGate))
        {
            return false;
        }

        try
        {
            CommitBatch(syncHere: true);
            return true;
        }
        finally
        {
            Monitor.Exit(commitGate);
        }
    }

    /// <summary>Takes no more commands, answers those that wait and ends the thread.</summary>
    public Task StopAsync()
    {
        queue.Writer.TryComplete();
        Wake();
        return ended.Task;
    }

    private void Run()
    {
        do
        {
            Sleep();
            while (queue.Reader.Count > 0)
            {
                lock (commitGate)
                {
                    CommitBatch(syncHere: false);
                }
            }
        }
        while (!queue.Reader.Completion.IsCompleted);
        lock (commitGate)
        {
            syncer.Stop();
        }

        ended.SetResult();
    }

    private void Wake()
    {
        lock (wakeGate)
        {
            isAwake = true;
            Monitor.Pulse(wakeGate);
        }
    }

    private void Sleep()
    {
        lock (wakeGate)
        {
            while (!isAwake)
            {
                sleeps = true;
                Monitor.Wait(wakeGate);
            }

            (isAwake, sleeps) = (false, false);
        }
    }

    private void CommitBatch(bool syncHere)
    {
        syncer.LetGather(queue.Reader.Count);
        TakeWaiting();
        if (waiting.Count == 0)
        {
            // Someone else was quicker.
            return;
        }

        if (failure.HasFailed)
        {
            FailWaiting(failure.Exception());
        }
        else
        {
            Commit(syncHere);
        }

        waiting.Clear();
    }

    private static async Task AnswerUnlessQueuedAsync(ValueTask queued, StoreCommand command)
    {
        try
        {
            await queued.ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            command.Fail(new ObjectDisposedException(nameof(RocksDbReplicaStore)));
        }
        catch (OperationCanceledException exception)
        {
            command.Fail(exception);
        }
    }

    private void TakeWaiting()
    {
        for (var bytes = 0L; bytes < options.MaxBatchBytes && queue.Reader.TryRead(out var command); bytes += command.SizeBytes)
        {
            waiting.Add(command);
        }
    }

    private void Commit(bool syncHere)
    {
        long compactedBytes;
        bool isSynced;
        try
        {
            using var batch = new CommitBatch(database, replicas, space.Look() ? space.Exception() : null);
            foreach (var command in waiting)
            {
                Stage(command, batch);
            }

            isSynced = Write(batch);
            compactedBytes = batch.CompactedBytes;
            foreach (var command in waiting)
            {
                command.Written();
            }
        }
        catch (Exception exception)
        {
            // Whatever it was, what the batch left on disk and in memory is unknown: nobody may be told that it is durable.
            FailWaiting(failure.Fail(exception));
            return;
        }

        if (isSynced)
        {
            syncer.Answer(waiting, compactedBytes);
        }
        else if ((syncHere || queue.Reader.Count == 0) && syncer.IsIdle)
        {
            syncer.SyncHere(waiting, compactedBytes);
        }
        else
        {
            syncer.HandOver(waiting, compactedBytes);
        }
    }

    /// <summary>Gives the batch to the database. Returns whether all that was written so far is durable and answered, but for this batch.</summary>
    private bool Write(CommitBatch batch)
    {
        if (batch.IsEmpty)
        {
            return syncer.IsIdle;
        }

        options.BeforeCommit?.Invoke(waiting.Count);
        if (batch.Records.Count == 0)
        {
            batch.Write();
            return false;
        }

        // Two syncs of one file at a time: when one fails, the other may succeed without the pages of both. So this one waits, and
        // does not take place after a failed one.
        syncer.WaitUntilIdle();
        failure.ThrowIfFailed();
        var started = time.GetTimestamp();
        batch.WriteSynced();
        metrics.Committed(waiting.Count, time.GetElapsedTime(started));
        return true;
    }

    private void Stage(StoreCommand command, CommitBatch batch)
    {
        try
        {
            if (command.NeedsSpace && batch.Full is { } full)
            {
                throw full;
            }

            command.Stage(batch);
        }
        catch (StoreFullException exception)
        {
            metrics.RefusedFull();
            command.Refuse(exception);
        }
        catch (FencedException exception)
        {
            metrics.Fenced();
            StoreLog.Fenced(logger, exception);
            command.Refuse(exception);
        }
        catch (Exception exception) when (exception is LogGapException or RaftInvariantException or ObjectDisposedException)
        {
            command.Refuse(exception);
        }
        catch (StoreCorruptedException exception)
        {
            StoreLog.Corrupted(logger, exception);
            command.Refuse(exception);
        }
    }

    /// <summary>Fails what waits, after all that was called earlier has its answer.</summary>
    private void FailWaiting(StoreFailedException exception)
    {
        syncer.WaitUntilIdle();
        foreach (var command in waiting)
        {
            command.Fail(exception);
        }
    }
}
