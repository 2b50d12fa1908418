using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>
/// The one place that writes <c>log</c> and <c>hard</c>. A thread of its own, so that busy grains cannot keep it from the disk, turns all
/// waiting commands of all replicas into one synced batch: group commit over shards. The first failed batch is the last.
/// </summary>
internal sealed class Committer
{
    private readonly RocksDbReplicaStoreOptions options;
    private readonly StoreDatabase database;
    private readonly ReplicaTable replicas;
    private readonly StoreFailure failure;
    private readonly FreeSpace space;
    private readonly LogReclaimer reclaimer;
    private readonly StoreMetrics metrics;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Channel<StoreCommand> queue;
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<StoreCommand> waiting = [];

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
        this.reclaimer = reclaimer;
        this.metrics = metrics;
        this.time = time;
        this.logger = logger;
        queue = Channel.CreateBounded<StoreCommand>(new BoundedChannelOptions(options.MaxQueuedWrites)
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

        return command.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Takes no more commands, answers those that wait and ends the thread.</summary>
    public Task StopAsync()
    {
        queue.Writer.TryComplete();
        return ended.Task;
    }

    private void Run()
    {
        while (queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            TakeWaiting();
            if (failure.HasFailed)
            {
                FailWaiting(failure.Exception());
            }
            else
            {
                Commit();
            }

            waiting.Clear();
        }

        ended.SetResult();
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

    private void Commit()
    {
        try
        {
            using var batch = new CommitBatch(database, replicas, space.Look() ? space.Exception() : null);
            foreach (var command in waiting)
            {
                Stage(command, batch);
            }

            if (!batch.IsEmpty)
            {
                options.BeforeCommit?.Invoke(waiting.Count);
                var started = time.GetTimestamp();
                batch.Commit();
                metrics.Committed(waiting.Count, time.GetElapsedTime(started));
                reclaimer.NoteCompacted(batch.CompactedBytes);
            }
        }
        catch (Exception exception)
        {
            // Whatever it was, what the batch left on disk and in memory is unknown: nobody may be told that it is durable.
            FailWaiting(failure.Fail(exception));
            return;
        }

        foreach (var command in waiting)
        {
            Answer(command);
        }
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

    private void Answer(StoreCommand command)
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

    private void FailWaiting(StoreFailedException exception)
    {
        foreach (var command in waiting)
        {
            command.Fail(exception);
        }
    }
}
