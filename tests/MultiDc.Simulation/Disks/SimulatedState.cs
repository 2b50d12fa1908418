using System.Runtime.CompilerServices;
using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>The rows of one opening of a replica on a <see cref="SimulatedDisk"/>.</summary>
internal sealed class SimulatedState(SimulatedStorage opening, SimulatedStore store) : IReplicaState
{
    private readonly ReplicaImage image = opening.Image;
    private StagedRows? staged;

    public LogIndex Applied => new(image.State.Applied);

    public LogIndex DurableApplied => new(image.DurableState.Applied);

    public ValueTask ApplyAsync(StateBatch batch, LogIndex applied, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        opening.RequireLatest();
        Invariant.Require(applied > Applied, "an entry is applied once");
        Invariant.Require(applied.Value <= image.Accepted.LastIndex, "what is applied is in the log, or a crash could not apply it again");
        image.State.Apply(batch, applied.Value);
        opening.Disk.Witness?.Applied(opening, image.State);
        return ValueTask.CompletedTask;
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        opening.RequireLatest();
        var flushed = image.State.Freeze();
        if (opening.Disk.Timing is { } timing)
        {
            var ended = new TaskCompletionSource();
            var incarnation = opening.Disk.Incarnation;
            timing.Events.After(timing.NextFlush(), ended.SetResult);
            await ended.Task;
            if (incarnation != opening.Disk.Incarnation)
            {
                throw new StoreFailedException("the power went");
            }
        }

        image.DurableState = flushed.Applied > image.DurableState.Applied ? flushed : image.DurableState;
    }

    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        opening.RequireUnfenced();
        return ValueTask.FromResult(image.State.Get(key));
    }

    public IReplicaStateView OpenView()
    {
        opening.RequireUnfenced();
        return new View(image.State.Freeze());
    }

    public ValueTask<IStagedSnapshot> StageAsync(SnapshotMetadata snapshot, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        opening.RequireLatest();
        store.RequireSpace();
        staged = new(this, snapshot);
        return ValueTask.FromResult<IStagedSnapshot>(staged);
    }

    public StagedRows RequireInstallable(IStagedSnapshot install)
    {
        Invariant.Require(staged is not null && ReferenceEquals(install, staged), "what is installed is the snapshot staged last, complete");
        Invariant.Require(install.Metadata.LastIncluded.Index >= Applied, "a snapshot never takes the state back");
        staged.IsSealed = true;
        return staged;
    }

    /// <summary>The write that installs the snapshot is durable.</summary>
    public void Adopt(StagedRows install)
    {
        var table = install.ToTable();
        (image.State, image.DurableState) = (table, table.Freeze());
        staged = ReferenceEquals(staged, install) ? null : staged;
        opening.Disk.Witness?.Installed(opening, install.Metadata, table);
    }

    private void RequireStaged(StagedRows rows)
    {
        opening.RequireLatest();
        store.RequireSpace();
        if (!ReferenceEquals(staged, rows))
        {
            throw new InvalidOperationException(
                $"the snapshot up to {rows.Metadata.LastIncluded.Index} is not staged any more: another one was begun, or it is installed");
        }

        Invariant.Require(!rows.IsSealed, "nothing is added to a snapshot that is being installed");
    }

    /// <summary>A snapshot being received: rows nobody sees until the write that installs it is durable.</summary>
    public sealed class StagedRows(SimulatedState state, SnapshotMetadata metadata) : IStagedSnapshot
    {
        private readonly List<StateRow> rows = [];

        public SnapshotMetadata Metadata => metadata;

        public bool IsSealed { get; set; }

        public ValueTask AddAsync(IReadOnlyList<StateRow> added, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            state.RequireStaged(this);
            foreach (var (key, value) in added)
            {
                Invariant.Require(
                    rows.Count == 0 || key.Span.SequenceCompareTo(rows[^1].Key.Span) > 0, "keys of a staged snapshot ascend over all calls");
                rows.Add(new(key.ToArray(), value.ToArray()));
            }

            return ValueTask.CompletedTask;
        }

        public StateTable ToTable() => StateTable.Of(rows, metadata.LastIncluded.Index.Value);
    }

    private sealed class View(StateTable rows) : IReplicaStateView
    {
        private bool isDisposed;

        public LogIndex Applied => new(rows.Applied);

        public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(isDisposed, this);
            return ValueTask.FromResult(rows.Get(key));
        }

        public async IAsyncEnumerable<StateRow> ScanAsync(
            ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await ValueTask.CompletedTask;
            for (var at = rows.LowerBound(from.Span); at < rows.Count; at++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ObjectDisposedException.ThrowIf(isDisposed, this);
                if (to is { } end && rows[at].Key.Span.SequenceCompareTo(end.Span) >= 0)
                {
                    yield break;
                }

                yield return rows[at];
            }
        }

        public void Dispose() => isDisposed = true;
    }
}
