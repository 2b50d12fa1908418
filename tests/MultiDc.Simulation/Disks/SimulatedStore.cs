using System.Text;
using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>One process's store on a <see cref="SimulatedDisk"/>; passes the conformance suite that every store must.</summary>
internal sealed class SimulatedStore(SimulatedDisk disk) : IReplicaStore
{
    private readonly int incarnation = disk.Incarnation;
    private readonly List<SimulatedStorage> openings = [];
    private StoreFailedException? failure;
    private bool isDisposed;

    public StoreIdentity Identity => disk.Identity;

    public StoreHealth Health => Failure is not null ? StoreHealth.Failed : disk.IsFull ? StoreHealth.ReadOnly : StoreHealth.Ok;

    private StoreFailedException? Failure => failure ?? (disk.Incarnation == incarnation ? null : new("the power went"));

    public async ValueTask<IReplicaStorage?> OpenAsync(ReplicaName replica, ReplicaFounding? founding, CancellationToken cancellationToken = default)
    {
        RequireLength(replica.Value, 256, nameof(replica));
        RequireUsable();
        if (disk.IsCorrupted)
        {
            throw new StoreCorruptedException(replica, "log", "its checksum is wrong");
        }

        if (!disk.Replicas.TryGetValue(replica, out var image))
        {
            if (founding is null)
            {
                return null;
            }

            RequireSpace();
            image = new(replica, new(EntryId.Zero, founding.Configuration));
            disk.Replicas.Add(replica, image);
        }

        var epoch = image.Accepted.Epoch + 1;
        await AcceptAsync(image, new() { Epoch = epoch }).WaitAsync(cancellationToken);
        RequireUsable();
        if (image.Accepted.Epoch == epoch)
        {
            image.DurableState = image.State.Freeze();
        }

        var opening = new SimulatedStorage(disk, this, image, new Epoch(epoch));
        openings.Add(opening);
        return opening;
    }

    public ValueTask<IReadOnlyList<ReplicaName>> ListReplicasAsync(CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        return ValueTask.FromResult<IReadOnlyList<ReplicaName>>([.. disk.Replicas.Keys]);
    }

    public ValueTask<ReadOnlyMemory<byte>?> GetRecordAsync(string key, CancellationToken cancellationToken = default)
    {
        RequireLength(key, 512, nameof(key));
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(isDisposed, this);
        return ValueTask.FromResult(disk.Records.TryGetValue(key, out var value) ? value : (ReadOnlyMemory<byte>?)null);
    }

    public async ValueTask<ReadOnlyMemory<byte>> AddRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireLength(key, 512, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, 4096, nameof(value));
        RequireSpace();
        if (!disk.AcceptedRecords.TryGetValue(key, out var held))
        {
            held = value.ToArray();
            disk.AcceptedRecords.Add(key, held);
        }

        await disk.Accept(this, () => disk.Records[key] = held).WaitAsync(cancellationToken);
        return held;
    }

    public async ValueTask PutRecordAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken = default)
    {
        RequireLength(key, 512, nameof(key));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, 4096, nameof(value));
        RequireSpace();
        ReadOnlyMemory<byte> held = value.ToArray();
        disk.AcceptedRecords[key] = held;
        await disk.Accept(this, () => disk.Records[key] = held).WaitAsync(cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        Close();
        return ValueTask.CompletedTask;
    }

    /// <summary>Ends in good order: what was applied is durable.</summary>
    public void Close()
    {
        if (!isDisposed && Failure is null)
        {
            openings.ForEach(static opening => opening.Close());
        }

        isDisposed = true;
    }

    internal void Fail(StoreFailedException exception) => failure ??= exception;

    internal void RequireUsable()
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
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

    /// <summary>Changes the accepted log now and the durable one when the flush has ended.</summary>
    internal Task AcceptAsync(ReplicaImage image, LogChange change, Action? alsoDurable = null)
    {
        image.Accepted.Apply(change);
        return disk.Accept(this, () =>
        {
            image.MakeDurable(change);
            alsoDurable?.Invoke();
        });
    }

    internal void Forget(SimulatedStorage opening) => openings.Remove(opening);

    private static void RequireLength(string value, int maxBytes, string parameter)
    {
        ArgumentException.ThrowIfNullOrEmpty(value, parameter);
        if (Encoding.UTF8.GetByteCount(value) > maxBytes)
        {
            throw new ArgumentException($"at most {maxBytes} bytes in UTF-8", parameter);
        }
    }
}
