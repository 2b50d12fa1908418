using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>
/// One silo's disk: outlives the stores on it. Writes wait for a flush, which takes virtual time and makes all that waited when it began
/// durable, in order. Single-threaded; continuations of its tasks go back to the schedulers they came from.
/// </summary>
/// <param name="identity">Whose disk it is.</param>
/// <param name="timing">How long flushes take; null: no time at all.</param>
/// <param name="witness">Sees what is done; null: nobody does.</param>
internal sealed class SimulatedDisk(StoreIdentity identity, DiskTiming? timing = null, IDiskWitness? witness = null)
{
    private readonly List<PendingWrite> waiting = [];
    private List<PendingWrite> flushing = [];
    private int holds;

    public StoreIdentity Identity => identity;

    public DiskTiming? Timing => timing;

    public IDiskWitness? Witness => witness;

    /// <summary>What <see cref="IReplicaStorage.CanBeReadAnywhere"/> says of all openings.</summary>
    public bool CanBeReadAnywhere { get; init; }

    /// <summary>While true, what needs space is refused.</summary>
    public bool IsFull { get; set; }

    /// <summary>A record is damaged: no replica on this disk can be opened.</summary>
    public bool IsCorrupted { get; set; }

    /// <summary>The next flush fails.</summary>
    public bool FailsNextFlush { get; set; }

    /// <summary>Grows with every loss of power; stores of an earlier incarnation are dead.</summary>
    public int Incarnation { get; private set; }

    public int FlushCount { get; private set; }

    /// <summary>Writes accepted and not durable.</summary>
    public int PendingCount => waiting.Count + flushing.Count;

    /// <summary>A flush is under way that a fault holds up.</summary>
    public bool IsHeld => holds > 0;

    internal Dictionary<ReplicaName, ReplicaImage> Replicas { get; } = [];

    internal Dictionary<string, ReadOnlyMemory<byte>> Records { get; } = [];

    internal Dictionary<string, ReadOnlyMemory<byte>> AcceptedRecords { get; } = [];

    /// <summary>Nothing becomes durable until the result is disposed.</summary>
    public IDisposable Hold()
    {
        holds++;
        return new Held(this);
    }

    /// <summary>
    /// The power goes. Of the writes that nobody was told are durable, the first <paramref name="survivors"/> reached the disk all the
    /// same, each whole or not at all; rows that were applied and not flushed may have too.
    /// </summary>
    public void LosePower(int survivors = 0, bool appliedRowsSurvive = false)
    {
        Incarnation++;
        FailsNextFlush = false;
        Lose(survivors, new StoreFailedException("the power went"));
        foreach (var replica in Replicas.Values)
        {
            // Only what is durable in the log is applied, or these rows would be ahead of it now.
            if (!appliedRowsSurvive)
            {
                replica.State = replica.DurableState.Freeze();
            }

            replica.DurableState = replica.State.Freeze();
        }
    }

    internal Task Accept(SimulatedStore store, Action makeDurable)
    {
        var write = new PendingWrite(store, makeDurable);
        waiting.Add(write);
        BeginFlush();
        return write.Durable.Task;
    }

    private void BeginFlush()
    {
        if (holds > 0 || flushing.Count > 0 || waiting.Count == 0)
        {
            return;
        }

        flushing.AddRange(waiting);
        waiting.Clear();
        if (timing is null)
        {
            EndFlush(Incarnation, flushing);
        }
        else
        {
            var (incarnation, batch) = (Incarnation, flushing);
            timing.Events.After(timing.NextFlush(), () => EndFlush(incarnation, batch));
        }
    }

    private void EndFlush(int incarnation, List<PendingWrite> batch)
    {
        if (incarnation != Incarnation || batch != flushing)
        {
            return;
        }

        if (holds > 0)
        {
            // It ends with the hold.
            return;
        }

        if (FailsNextFlush)
        {
            FailsNextFlush = false;
            Lose(SurvivorsOfFailedFlush, new StoreFailedException("the disk failed a flush"));
            return;
        }

        FlushCount++;
        flushing = [];
        foreach (var write in batch)
        {
            write.MakeDurable();
        }

        witness?.Flushed(this, batch.Count);
        foreach (var write in batch)
        {
            write.Durable.SetResult();
        }

        BeginFlush();
    }

    /// <summary>How many writes of a flush that fails are on the disk all the same.</summary>
    public int SurvivorsOfFailedFlush { get; set; }

    private void Lose(int survivors, StoreFailedException exception)
    {
        PendingWrite[] pending = [.. flushing, .. waiting];
        flushing = [];
        waiting.Clear();
        foreach (var write in pending.Take(survivors))
        {
            write.MakeDurable();
        }

        foreach (var (name, replica) in Replicas.ToArray())
        {
            if (replica.Durable is { } durable)
            {
                replica.Accepted = durable.Copy();
            }
            else
            {
                Replicas.Remove(name);
            }
        }

        AcceptedRecords.Clear();
        foreach (var (key, value) in Records)
        {
            AcceptedRecords.Add(key, value);
        }

        foreach (var write in pending)
        {
            write.Store.Fail(exception);
        }

        foreach (var write in pending)
        {
            write.Durable.SetException(exception);
        }
    }

    private void Release()
    {
        if (--holds > 0)
        {
            return;
        }

        if (flushing.Count > 0)
        {
            EndFlush(Incarnation, flushing);
        }
        else
        {
            BeginFlush();
        }
    }

    /// <summary>A write nobody was told is durable.</summary>
    private sealed class PendingWrite(SimulatedStore store, Action makeDurable)
    {
        public SimulatedStore Store => store;

        // Runs no continuation by itself: these come from schedulers and go back there.
        public TaskCompletionSource Durable { get; } = new();

        public void MakeDurable() => makeDurable();
    }

    private sealed class Held(SimulatedDisk disk) : IDisposable
    {
        private SimulatedDisk? held = disk;

        public void Dispose()
        {
            held?.Release();
            held = null;
        }
    }
}

/// <summary>One replica on a disk.</summary>
internal sealed class ReplicaImage(ReplicaName name, SnapshotMetadata founding)
{
    public ReplicaName Name => name;

    /// <summary>What writes build on.</summary>
    public LogImage Accepted { get; set; } = new(founding);

    /// <summary>What a loss of power leaves; null while not even the founding is durable.</summary>
    public LogImage? Durable { get; private set; }

    public StateTable State { get; set; } = new();

    public StateTable DurableState { get; set; } = new();

    public void MakeDurable(LogChange change) => (Durable ??= new(founding)).Apply(change);
}
