namespace MultiDc.Storage;

/// <summary>
/// What a <see cref="MemoryReplicaStore"/> writes to, for tests. Outlives the stores on it: open a new store on the same disk to
/// restart, two stores at once for a store shared by the silos of a datacenter. Tells accepted from durable and can be made to crash,
/// to hold or fail a flush, and to fill up. No clock, no thread of its own: unheld writes are durable when their call returns.
/// </summary>
/// <param name="identity">Whose disk it is; passed in so that a seeded run repeats.</param>
public sealed class MemoryDisk(StoreIdentity identity)
{
    private readonly Queue<MemoryFlush> pending = new();
    private int holds;
    private bool failNext;
    private bool isFull;

    /// <summary>Whose disk it is.</summary>
    public StoreIdentity Identity { get; } = identity;

    /// <summary>How many flushes made something durable. Writes that wait together share one.</summary>
    public int FlushCount { get; private set; }

    /// <summary>How many writes are accepted and not durable.</summary>
    public int PendingCount
    {
        get
        {
            lock (Gate)
            {
                return pending.Count;
            }
        }
    }

    /// <summary>While true, what needs space is refused with <see cref="StoreFullException"/>.</summary>
    public bool IsFull
    {
        get => Volatile.Read(ref isFull);
        set => Volatile.Write(ref isFull, value);
    }

    internal Lock Gate { get; } = new();

    internal Dictionary<ReplicaName, MemoryReplica> Replicas { get; } = [];

    internal Dictionary<string, ReadOnlyMemory<byte>> AcceptedRecords { get; } = [];

    internal Dictionary<string, ReadOnlyMemory<byte>> DurableRecords { get; } = [];

    /// <summary>Grows with every crash; a store of an earlier incarnation acknowledges nothing more.</summary>
    internal int Incarnation { get; private set; }

    /// <summary>Writes are accepted but not durable, and their calls wait, until the result is disposed. Nests.</summary>
    public IDisposable HoldFlushes()
    {
        lock (Gate)
        {
            holds++;
        }

        return new Hold(this);
    }

    /// <summary>The next flush fails: its writes are lost and the stores they came through become <see cref="StoreHealth.Failed"/>.</summary>
    public void FailNextFlush()
    {
        lock (Gate)
        {
            failNext = true;
        }
    }

    /// <summary>
    /// The power goes: what was accepted and not flushed is lost, writes and applied rows alike, and every store on this disk has
    /// <see cref="StoreHealth.Failed"/>. Open a new one to restart.
    /// </summary>
    /// <param name="survivingWrites">
    /// How many of the writes not yet acknowledged, in order, reached the disk all the same, as a real crash may have it.
    /// </param>
    public void Crash(int survivingWrites = 0)
    {
        lock (Gate)
        {
            Incarnation++;
            failNext = false;
            for (; survivingWrites > 0 && pending.TryDequeue(out var flush); survivingWrites--)
            {
                flush.MakeDurable();
                flush.Fail(new StoreFailedException("the disk crashed before it could say that the write is durable"));
            }

            FailPending(new StoreFailedException("the disk crashed"));
            foreach (var replica in Replicas.Values)
            {
                replica.State = replica.DurableState;
            }
        }
    }

    /// <summary>
    /// A copy of what is durable now, under the same identity: what is put back when a data folder or a machine is restored from an earlier
    /// moment.
    /// </summary>
    public MemoryDisk Copy()
    {
        lock (Gate)
        {
            var copy = new MemoryDisk(Identity);
            foreach (var (name, replica) in Replicas)
            {
                if (replica.Durable is { } durable)
                {
                    copy.Replicas.Add(name, new(name, durable) { Durable = durable, State = replica.DurableState, DurableState = replica.DurableState });
                }
            }

            foreach (var (key, value) in DurableRecords)
            {
                copy.AcceptedRecords.Add(key, value);
                copy.DurableRecords.Add(key, value);
            }

            return copy;
        }
    }

    /// <summary>Accepts a write; the gate is held. The task completes when it is durable.</summary>
    internal Task Accept(MemoryReplicaStore store, Action makeDurable)
    {
        var flush = new MemoryFlush(store, makeDurable);
        pending.Enqueue(flush);
        if (holds == 0)
        {
            Flush();
        }

        return flush.Task;
    }

    private void Flush()
    {
        if (pending.Count == 0)
        {
            return;
        }

        if (failNext)
        {
            failNext = false;
            FailPending(new StoreFailedException("the disk failed a flush"));
            return;
        }

        FlushCount++;
        while (pending.TryDequeue(out var flush))
        {
            flush.MakeDurable();
            flush.Succeed();
        }
    }

    private void FailPending(StoreFailedException exception)
    {
        while (pending.TryDequeue(out var flush))
        {
            flush.Fail(exception);
        }

        foreach (var (name, replica) in Replicas)
        {
            if (replica.Durable is { } durable)
            {
                replica.Accepted = durable;
            }
            else
            {
                Replicas.Remove(name);
            }
        }

        AcceptedRecords.Clear();
        foreach (var (key, value) in DurableRecords)
        {
            AcceptedRecords.Add(key, value);
        }
    }

    private void Release()
    {
        lock (Gate)
        {
            if (--holds == 0)
            {
                Flush();
            }
        }
    }

    private sealed class Hold(MemoryDisk disk) : IDisposable
    {
        private int released;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref released, 1) == 0)
            {
                disk.Release();
            }
        }
    }
}

/// <summary>An accepted write that waits for its flush.</summary>
internal sealed class MemoryFlush(MemoryReplicaStore store, Action makeDurable)
{
    private readonly TaskCompletionSource durable = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Task => durable.Task;

    public void MakeDurable() => makeDurable();

    public void Succeed() => durable.SetResult();

    public void Fail(StoreFailedException exception)
    {
        store.Fail(exception);
        durable.SetException(exception);
    }
}
