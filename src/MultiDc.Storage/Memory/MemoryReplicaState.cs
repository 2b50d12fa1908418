using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace MultiDc.Storage;

/// <summary>The rows of one opening of a replica on a <see cref="MemoryDisk"/>.</summary>
internal sealed class MemoryReplicaState(
    MemoryDisk disk, MemoryReplicaStore store, MemoryReplica replica, MemoryReplicaStorage opening) : IReplicaState
{
    private MemoryStagedSnapshot? staged;

    public LogIndex Applied => new(replica.State.Applied);

    public LogIndex DurableApplied => new(replica.DurableState.Applied);

    public ValueTask ApplyAsync(StateBatch batch, LogIndex applied, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (disk.Gate)
        {
            opening.RequireLatest();
            Invariant.Require(applied > Applied, "an entry is applied once");
            Invariant.Require(
                applied.Value <= replica.Accepted.LastIndex, "what is applied is in the log, or a crash could not apply it again");
            replica.State = replica.State.Apply(batch, applied.Value);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (disk.Gate)
        {
            opening.RequireLatest();
            replica.DurableState = replica.State;
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (disk.Gate)
        {
            replica.RequireLatest(opening.Epoch);
            return ValueTask.FromResult(replica.State.Get(key));
        }
    }

    public IReplicaStateView OpenView()
    {
        lock (disk.Gate)
        {
            replica.RequireLatest(opening.Epoch);
            return new MemoryStateView(replica.State);
        }
    }

    public ValueTask<IStagedSnapshot> StageAsync(SnapshotMetadata snapshot, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (disk.Gate)
        {
            opening.RequireLatest();
            store.RequireSpace();
            staged = new MemoryStagedSnapshot(this, snapshot);
            return ValueTask.FromResult<IStagedSnapshot>(staged);
        }
    }

    /// <summary>The gate is held.</summary>
    public MemoryStagedSnapshot RequireInstallable(IStagedSnapshot install)
    {
        Invariant.Require(staged is not null && ReferenceEquals(install, staged), "what is installed is the snapshot staged last, complete");
        Invariant.Require(install.Metadata.LastIncluded.Index >= Applied, "a snapshot never takes the state back");
        staged.IsSealed = true;
        return staged;
    }

    private void Adopt(MemoryStagedSnapshot install, MemoryRows rows)
    {
        (replica.State, replica.DurableState) = (rows, rows);
        staged = ReferenceEquals(staged, install) ? null : staged;
    }

    private void Add(MemoryStagedSnapshot snapshot, Action add)
    {
        lock (disk.Gate)
        {
            opening.RequireLatest();
            store.RequireSpace();
            if (!ReferenceEquals(staged, snapshot))
            {
                throw new InvalidOperationException(
                    $"the snapshot of replica {replica.Name} up to {snapshot.Metadata.LastIncluded.Index} is not staged any more: "
                    + "another one was begun, or it is installed");
            }

            add();
        }
    }

    /// <summary>A snapshot being received: rows nobody sees until the write that installs it is durable.</summary>
    public sealed class MemoryStagedSnapshot(MemoryReplicaState state, SnapshotMetadata metadata) : IStagedSnapshot
    {
        private readonly ImmutableList<StateRow>.Builder rows = ImmutableList.CreateBuilder<StateRow>();

        public SnapshotMetadata Metadata { get; } = metadata;

        public bool IsSealed { get; set; }

        public ValueTask AddAsync(IReadOnlyList<StateRow> rows, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            state.Add(this, () =>
            {
                Invariant.Require(!IsSealed, "nothing is added to a snapshot that is being installed");
                foreach (var (key, value) in rows)
                {
                    Invariant.Require(
                        this.rows.Count == 0 || key.Span.SequenceCompareTo(this.rows[^1].Key.Span) > 0,
                        "keys of a staged snapshot ascend over all calls");
                    this.rows.Add(new StateRow(key.ToArray(), value.ToArray()));
                }
            });
            return ValueTask.CompletedTask;
        }

        public void Adopt() => state.Adopt(this, new MemoryRows(rows.ToImmutable(), Metadata.LastIncluded.Index.Value));
    }

    private sealed class MemoryStateView(MemoryRows rows) : IReplicaStateView
    {
        private bool disposed;

        public LogIndex Applied => new(rows.Applied);

        public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(disposed, this);
            return ValueTask.FromResult(rows.Get(key));
        }

        public async IAsyncEnumerable<StateRow> ScanAsync(
            ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await ValueTask.CompletedTask.ConfigureAwait(false);
            foreach (var row in rows.Range(from, to))
            {
                cancellationToken.ThrowIfCancellationRequested();
                ObjectDisposedException.ThrowIf(disposed, this);
                yield return row;
            }
        }

        public void Dispose() => disposed = true;
    }
}
