using System.Text;

namespace MultiDc.Storage;

/// <summary>A store on a <see cref="MemoryDisk"/>, for tests: the same promises as the real ones, and faults at will.</summary>
/// <param name="disk">What it writes to.</param>
public sealed class MemoryReplicaStore(MemoryDisk disk) : IReplicaStore
{
    private readonly int incarnation = disk.Incarnation;
    private readonly List<MemoryReplicaStorage> openings = [];
    private StoreFailedException? failure;
    private bool disposed;

    /// <summary>What <see cref="IReplicaStorage.CanBeReadAnywhere"/> says. Default: true.</summary>
    public bool CanBeReadAnywhere { get; init; } = true;

    /// <inheritdoc/>
    public StoreIdentity Identity => disk.Identity;

    /// <inheritdoc/>
    public StoreHealth Health =>
        Failure is not null ? StoreHealth.Failed : disk.IsFull ? StoreHealth.ReadOnly : StoreHealth.Ok;

    private StoreFailedException? Failure =>
        Volatile.Read(ref failure) ?? (disk.Incarnation == incarnation ? null : new StoreFailedException("the disk crashed"));

    /// <inheritdoc/>
    public async ValueTask<IReplicaStorage?> OpenAsync(
        ReplicaName replica, ReplicaFounding? founding, CancellationToken cancellationToken = default)
    {
        RequireLength(replica.Value, 256, nameof(replica));
        Task raised;
        MemoryReplica opened;
        ulong epoch;
        lock (disk.Gate)
        {
            RequireUsable();
            if (!TryFind(replica, founding, out opened!))
            {
                return null;
            }

            epoch = opened.Accepted.Epoch + 1;
            raised = AcceptLog(opened, opened.Accepted with { Epoch = epoch });
        }

        await raised.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (disk.Gate)
        {
            RequireUsable();
            if (opened.Accepted.Epoch == epoch)
            {
                opened.DurableState = opened.State;
            }

            var storage = new MemoryReplicaStorage(disk, this, opened, new Epoch(epoch));
            openings.Add(storage);
            return storage;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<ReplicaName>> ListReplicasAsync(CancellationToken cancellationToken = default)
    {
        lock (disk.Gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return ValueTask.FromResult<IReadOnlyList<ReplicaName>>([.. disk.Replicas.Keys]);
        }
    }

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>?> GetRecordAsync(string key, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        RequireLength(key, 512, nameof(key));
        lock (disk.Gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return ValueTask.FromResult(disk.DurableRecords.TryGetValue(key, out var value) ? value : (ReadOnlyMemory<byte>?)null);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>> AddRecordAsync(
        string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireLength(key, 512, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, 4096, nameof(value));
        Task added;
        ReadOnlyMemory<byte> held;
        lock (disk.Gate)
        {
            RequireSpace();
            if (!disk.AcceptedRecords.TryGetValue(key, out held))
            {
                held = value.ToArray();
                disk.AcceptedRecords.Add(key, held);
            }

            added = disk.Accept(this, () => disk.DurableRecords[key] = held);
        }

        await added.WaitAsync(cancellationToken).ConfigureAwait(false);
        return held;
    }

    /// <inheritdoc/>
    public async ValueTask PutRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireLength(key, 512, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, 4096, nameof(value));
        Task put;
        lock (disk.Gate)
        {
            RequireSpace();
            ReadOnlyMemory<byte> held = value.ToArray();
            disk.AcceptedRecords[key] = held;
            put = disk.Accept(this, () => disk.DurableRecords[key] = held);
        }

        await put.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes applied rows durable and ends; the disk stays.</summary>
    public ValueTask DisposeAsync()
    {
        lock (disk.Gate)
        {
            if (!disposed && Failure is null)
            {
                openings.ForEach(opening => opening.Close());
            }

            disposed = true;
        }

        return ValueTask.CompletedTask;
    }

    internal void Fail(StoreFailedException exception) => Interlocked.CompareExchange(ref failure, exception, null);

    /// <summary>Throws when nothing can be acknowledged any more; the gate is held.</summary>
    internal void RequireUsable()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (Failure is { } exception)
        {
            throw new StoreFailedException(exception.Message, exception);
        }
    }

    internal void RequireSpace()
    {
        RequireUsable();
        if (disk.IsFull)
        {
            throw new StoreFullException("the disk is full");
        }
    }

    /// <summary>Accepts what a write makes of the log, and with it what else becomes durable; the gate is held.</summary>
    internal Task AcceptLog(MemoryReplica replica, MemoryLog log, Action? also = null)
    {
        replica.Accepted = log;
        return disk.Accept(this, () =>
        {
            replica.Durable = log;
            also?.Invoke();
        });
    }

    internal void Forget(MemoryReplicaStorage opening) => openings.Remove(opening);

    private bool TryFind(ReplicaName name, ReplicaFounding? founding, out MemoryReplica? replica)
    {
        if (!disk.Replicas.TryGetValue(name, out replica) && founding is not null)
        {
            RequireSpace();
            var start = new SnapshotMetadata(EntryId.Zero, founding.Configuration);
            replica = new MemoryReplica(name, new MemoryLog(Epoch: 0, default, start, []));
            disk.Replicas.Add(name, replica);
        }

        return replica is not null;
    }

    private static void RequireLength(string value, int maxBytes, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(value, parameter);
        if (Encoding.UTF8.GetByteCount(value) > maxBytes)
        {
            throw new ArgumentException($"at most {maxBytes} bytes in UTF-8", parameter);
        }
    }
}
