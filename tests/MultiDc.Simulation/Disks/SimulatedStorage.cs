using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>One opening of a replica on a <see cref="SimulatedDisk"/>.</summary>
internal sealed class SimulatedStorage : IReplicaStorage
{
    private readonly SimulatedStore store;
    private readonly SimulatedState state;
    private bool isDisposed;

    public SimulatedStorage(SimulatedDisk disk, SimulatedStore store, ReplicaImage image, Epoch epoch)
    {
        Disk = disk;
        this.store = store;
        Image = image;
        Epoch = epoch;
        Recovered = image.Accepted.Recover(image.State);
        state = new(this, store);
    }

    public SimulatedDisk Disk { get; }

    public ReplicaImage Image { get; }

    public ReplicaName Replica => Image.Name;

    public Epoch Epoch { get; }

    public RaftRecovery Recovered { get; }

    public IReplicaState State => state;

    public bool CanBeReadAnywhere => Disk.CanBeReadAnywhere;

    /// <summary>Whether no later opening has begun.</summary>
    public bool IsLatest => Image.Accepted.Epoch == Epoch.Value;

    /// <summary>Whoever runs over this opening; for those who watch.</summary>
    public ReplicaProcess? Process { get; set; }

    public ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default)
    {
        try
        {
            // Not awaited here: the tasks themselves complete in the order of the calls.
            return new ValueTask(Accept(write).WaitAsync(cancellationToken));
        }
        catch (Exception exception) when (exception is not SafetyViolationException)
        {
            return ValueTask.FromException(exception);
        }
    }

    public ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default)
    {
        RequireLatest();
        return ValueTask.CompletedTask;
    }

    public async ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default)
    {
        RequireLatest();
        var index = to.LastIncluded.Index.Value;
        if (index > Image.Accepted.StartIndex && index <= Image.DurableState.Applied)
        {
            Disk.Witness?.Compacted(this, to);
            await store.AcceptAsync(Image, new() { CompactTo = to }).WaitAsync(cancellationToken);
        }
    }

    public ValueTask DisposeAsync()
    {
        isDisposed = true;
        store.Forget(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>The store ends in good order.</summary>
    public void Close()
    {
        if (IsLatest)
        {
            Image.DurableState = Image.State.Freeze();
        }
    }

    /// <summary>Throws unless this opening may still write.</summary>
    public void RequireLatest()
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        store.RequireUsable();
        RequireUnfenced();
    }

    public void RequireUnfenced()
    {
        if (!IsLatest)
        {
            throw new FencedException(Replica, Epoch, new Epoch(Image.Accepted.Epoch));
        }
    }

    private Task Accept(ReplicaWrite write)
    {
        RequireLatest();
        var install = write.Install is null ? null : state.RequireInstallable(write.Install);
        if (write.HardState is not null || install is not null || write.Entries.Count > 0)
        {
            store.RequireSpace();
        }

        Image.Accepted.RequireJoins(Replica, write);
        Disk.Witness?.Writing(this, write, Image.Accepted);
        var change = new LogChange { HardState = write.HardState, Install = write.Install?.Metadata, Entries = write.Entries };
        return store.AcceptAsync(Image, change, install is null ? null : () => state.Adopt(install));
    }
}
