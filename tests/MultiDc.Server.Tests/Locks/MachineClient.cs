using System.Collections.Immutable;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Tests.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Locks;

/// <summary>What becomes of a write.</summary>
internal enum WriteFate
{
    Answered,

    /// <summary>It is done, and nobody hears of it.</summary>
    AnswerLost,

    /// <summary>It never arrives.</summary>
    RequestLost,
}

/// <summary>One keyspace of one shard over a state machine of its own, whose leases end by the test's clock. Several clients may share the shard.</summary>
internal sealed class MachineShard(TimeProvider time)
{
    private readonly Machine machine = new();
    private readonly LeaseClock clock = new(time);
    private SessionId session;
    private ulong sequence;

    public List<WriteOperation> Done { get; } = [];

    public WriteResult Write(WriteOperation operation)
    {
        lock (machine)
        {
            session = session == default ? machine.Apply(OpenSessionCommand.Instance).Session!.Value : session;
            Done.Add(operation);
            var result = machine.Apply(new WriteCommand(session, new(++sequence), operation)).Result;
            clock.Take(false, machine.TakeLeaseChanges(), time.GetTimestamp());
            return result;
        }
    }

    public KeyValueEntry? Read(ReadOnlyMemory<byte> key)
    {
        lock (machine)
        {
            return KeyValueReader.GetAsync(machine.State, key).AsTask().Result;
        }
    }

    /// <summary>What the leader does on a tick.</summary>
    public int Tick()
    {
        lock (machine)
        {
            var due = clock.TakeDue(time.GetTimestamp(), long.MaxValue - 1, 100);
            if (due.Count > 0)
            {
                machine.Apply(new ExpireLeasesCommand([.. due]));
                clock.Take(false, machine.TakeLeaseChanges(), time.GetTimestamp());
            }

            return due.Count;
        }
    }
}

/// <inheritdoc cref="MachineShard"/>
internal sealed class MachineClient(MachineShard shard) : IMultiDcClient
{
    public Func<WriteOperation, WriteFate> Fate { get; set; } = static _ => WriteFate.Answered;

    public Task<WriteResult> WriteAsync(string keyspace, WriteOperation operation, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (OperationLimits.DescribeProblem(operation) is { } problem)
        {
            return Task.FromResult<WriteResult>(new Rejected(RejectionReason.InvalidArgument, problem));
        }

        var fate = Fate(operation);
        var result = fate == WriteFate.RequestLost ? null : shard.Write(operation);
        return Task.FromResult(fate == WriteFate.Answered ? result! : new Unknown("no answer"));
    }

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Task.FromResult<ReadResult>(new ReadServed(shard.Read(key)));

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, ReadLevel level, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        GetAsync(keyspace, key, timeout, cancellationToken);

    public Task<WriteResult> PutAsync(string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        WriteAsync(keyspace, new PutOperation(key, value), timeout, cancellationToken);

    public Task<WriteResult> DeleteAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        WriteAsync(keyspace, new DeleteOperation(key), timeout, cancellationToken);

    public Task<WriteResult> CompareAndSetAsync(
        string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        WriteAsync(keyspace, new CompareAndSetOperation(key, expected, value), timeout, cancellationToken);

    public Task<RingSnapshot?> GetRingAsync(CancellationToken cancellationToken = default) =>
        Task.FromResult<RingSnapshot?>(RingSnapshot.Empty.WithKeyspace(new("default", 1, ImmutableArray.Create(new DatacenterId("a")))));

    public Task<LeaseReply> GetLeaseAsync(string keyspace, ReadOnlyMemory<byte> key, LeaseId lease, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<ScanPage> ScanPageAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ScanToken? token = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public IAsyncEnumerable<KeyValueEntry> ScanAsync(string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public IAsyncEnumerable<WatchBatch> WatchAsync(
        string keyspace, WatchFilter filter, WatchStart start = default, TimeSpan? timeout = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> CreateKeyspaceAsync(string keyspace, int shardCount, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> DropKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IReadOnlyList<KeyspaceDescriptor>?> ListKeyspacesAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public IMultiDcClient InSession(ReadSession session) => throw new NotSupportedException();

    public Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
