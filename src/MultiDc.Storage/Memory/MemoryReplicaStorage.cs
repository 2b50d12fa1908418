namespace MultiDc.Storage;

/// <summary>One opening of a replica on a <see cref="MemoryDisk"/>. Everything happens under the disk's gate.</summary>
internal sealed class MemoryReplicaStorage : IReplicaStorage
{
    private readonly MemoryDisk disk;
    private readonly MemoryReplicaStore store;
    private readonly MemoryReplica replica;
    private readonly MemoryReplicaState state;
    private bool disposed;

    public MemoryReplicaStorage(MemoryDisk disk, MemoryReplicaStore store, MemoryReplica replica, Epoch epoch)
    {
        this.disk = disk;
        this.store = store;
        this.replica = replica;
        Epoch = epoch;
        var log = replica.Accepted;
        Recovered = new RaftRecovery(log.HardState, log.Start, log.Entries, new LogIndex(replica.State.Applied));
        state = new MemoryReplicaState(disk, store, replica, this);
    }

    public ReplicaName Replica => replica.Name;

    public Epoch Epoch { get; }

    public RaftRecovery Recovered { get; }

    public IReplicaState State => state;

    public bool CanBeReadAnywhere => store.CanBeReadAnywhere;

    public ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default)
    {
        try
        {
            // Not awaited here: the tasks themselves complete in the order of the calls.
            return new ValueTask(Accept(write).WaitAsync(cancellationToken));
        }
        catch (Exception exception)
        {
            return ValueTask.FromException(exception);
        }
    }

    public ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default)
    {
        lock (disk.Gate)
        {
            RequireLatest();
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default)
    {
        Task durable;
        lock (disk.Gate)
        {
            RequireLatest();
            var index = to.LastIncluded.Index.Value;
            if (index <= replica.Accepted.StartIndex || index > replica.DurableState.Applied)
            {
                return;
            }

            durable = store.AcceptLog(replica, replica.Accepted.CompactTo(to));
        }

        await durable.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        lock (disk.Gate)
        {
            disposed = true;
            store.Forget(this);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The store ends in good order.</summary>
    public void Close()
    {
        if (replica.Accepted.Epoch == Epoch.Value)
        {
            replica.DurableState = replica.State;
        }
    }

    private Task Accept(ReplicaWrite write)
    {
        lock (disk.Gate)
        {
            RequireLatest();
            var install = write.Install is null ? null : state.RequireInstallable(write.Install);
            if (write.HardState is not null || install is not null || write.Entries.Count > 0)
            {
                store.RequireSpace();
            }

            var log = install is null ? replica.Accepted : replica.Accepted with { Start = install.Metadata, Entries = [] };
            log = log.Append(Replica, write.Entries);
            return store.AcceptLog(replica, log with { HardState = write.HardState ?? log.HardState }, install is null ? null : install.Adopt);
        }
    }

    /// <summary>Throws unless this opening may still write; the gate is held.</summary>
    public void RequireLatest()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        store.RequireUsable();
        replica.RequireLatest(Epoch);
    }
}
