using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Tests.StateMachine;
using MultiDc.Server.Watching;
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
    private readonly ChangeHistory history = new();
    private TaskCompletionSource news = new();
    private SessionId session;
    private ulong sequence;

    public List<WriteOperation> Done { get; } = [];

    public WriteResult Write(WriteOperation operation)
    {
        WriteResult result;
        lock (machine)
        {
            session = session == default ? machine.Apply(OpenSessionCommand.Instance).Session!.Value : session;
            Done.Add(operation);
            result = machine.Apply(new WriteCommand(session, new(++sequence), operation)).Result;
            Follow();
        }

        Tell();
        return result;
    }

    /// <summary>Completed when something was applied after this was asked for.</summary>
    public Task News
    {
        get
        {
            lock (machine)
            {
                return news.Task;
            }
        }
    }

    public HistoryPage Changes(WatchFilter filter, Revision after) => history.Read(filter, after, int.MaxValue);

    public KeyValueEntry? Read(ReadOnlyMemory<byte> key) => ReadServed(key).Entry;

    public ReadServed ReadServed(ReadOnlyMemory<byte> key)
    {
        lock (machine)
        {
            return new(KeyValueReader.GetAsync(machine.State, key).AsTask().Result, new(machine.State.Applied.Value));
        }
    }

    /// <summary>What the leader does on a tick.</summary>
    public int Tick()
    {
        int ended;
        lock (machine)
        {
            var due = clock.TakeDue(time.GetTimestamp(), long.MaxValue - 1, 100);
            ended = due.Count;
            if (ended > 0)
            {
                machine.Apply(new ExpireLeasesCommand([.. due]));
                Follow();
            }
        }

        if (ended > 0)
        {
            Tell();
        }

        return ended;
    }

    private void Follow()
    {
        clock.Take(false, machine.TakeLeaseChanges(), time.GetTimestamp());
        history.Add(machine.Changes, machine.State.Applied);
    }

    private void Tell()
    {
        TaskCompletionSource told;
        lock (machine)
        {
            (told, news) = (news, new());
        }

        told.SetResult();
    }
}

/// <inheritdoc cref="MachineShard"/>
internal sealed class MachineClient(MachineShard shard) : IMultiDcClient
{
    public Func<WriteOperation, WriteFate> Fate { get; set; } = static _ => WriteFate.Answered;

    /// <summary>What watches end with; null: they are served.</summary>
    public Exception? WatchProblem { get; set; }

    /// <summary>How many reads were asked for.</summary>
    public int Reads { get; private set; }

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
        Task.FromResult<ReadResult>(Served(key));

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

    public Task<ScanPage> ScanPageAfterAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ReadOnlyMemory<byte> after, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public IAsyncEnumerable<KeyValueEntry> ScanAsync(string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public async IAsyncEnumerable<WatchBatch> WatchAsync(
        string keyspace, WatchFilter filter, WatchStart start = default, TimeSpan? timeout = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var after = start.Revision!.Value;
        while (WatchProblem is null)
        {
            var news = shard.News;
            var page = shard.Changes(filter, after);
            foreach (var (revision, events) in page.Revisions)
            {
                yield return new(new("default", 0), revision, events, WatchToken.OfShard("default", 1, 0, revision));
            }

            after = page.UpTo;
            if (page.Revisions.Count == 0)
            {
                await news.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        throw WatchProblem;
    }

    private ReadServed Served(ReadOnlyMemory<byte> key)
    {
        Reads++;
        return shard.ReadServed(key);
    }

    public Task<WriteResult> CreateKeyspaceAsync(string keyspace, int shardCount, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> DropKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IReadOnlyList<KeyspaceDescriptor>?> ListKeyspacesAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public IMultiDcClient InSession(ReadSession session) => throw new NotSupportedException();

    public Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
