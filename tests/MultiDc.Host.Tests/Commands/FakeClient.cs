using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Host.Tests.Commands;

/// <summary>Answers what a test tells it to, and remembers what it was asked.</summary>
internal sealed class FakeClient : IMultiDcClient
{
    private readonly Lock counting = new();
    private int underWay;
    private (int Count, Action Callback)? whenUnderWay;

    public ReadResult Read { get; set; } = new ReadServed(null);

    public Func<string, WriteResult> Write { get; set; } = static _ => new Applied(new(7));

    /// <summary>Writes wait for this.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public List<KeyValueEntry> Entries { get; } = [];

    public MultiDcUnavailableException? ScanEndsWith { get; set; }

    public List<WatchBatch> Batches { get; } = [];

    /// <summary>How a watch ends; null: it waits until it is cancelled.</summary>
    public Exception? WatchEndsWith { get; set; }

    /// <summary>Completed when a watch has told all its batches.</summary>
    public TaskCompletionSource WatchWaits { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RingSnapshot? Ring { get; set; }

    public List<ReplicaStatus> Replicas { get; } = [];

    /// <summary>What was asked, in order.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, ReadLevel level, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        Levels.Enqueue(level);
        return GetAsync(keyspace, key, timeout, cancellationToken);
    }

    public IMultiDcClient InSession(ReadSession session)
    {
        session.Begin(new("default", 0)).Note(new(7));
        return this;
    }

    /// <summary>The levels that reads asked for, in order.</summary>
    public ConcurrentQueue<ReadLevel> Levels { get; } = new();

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Asked.Enqueue($"get {keyspace} {Text(key)}");
        return Task.FromResult(Read);
    }

    public Task<WriteResult> PutAsync(string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        WriteAsync(key, $"put {keyspace} {Text(key)} {Text(value)}", cancellationToken);

    public Task<WriteResult> DeleteAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        WriteAsync(key, $"delete {keyspace} {Text(key)}", cancellationToken);

    public Task<WriteResult> CompareAndSetAsync(
        string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        WriteAsync(key, $"cas {keyspace} {Text(key)} {(expected is { } bytes ? $"'{Text(bytes)}'" : "absent")} {Text(value)}", cancellationToken);

    public Task<WriteResult> WriteAsync(string keyspace, WriteOperation operation, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        operation is BatchOperation batch ? WriteAsync(operation.Key, Describe(keyspace, batch), cancellationToken)
            : WriteAsync(operation.Key, $"{operation.GetType().Name} {keyspace} {Text(operation.Key)} {(operation as AddOperation)?.Delta}".TrimEnd(), cancellationToken);

    public Task<LeaseReply> GetLeaseAsync(string keyspace, ReadOnlyMemory<byte> key, LeaseId lease, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<ScanPage> ScanPageAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ScanToken? token = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Asked.Enqueue($"scan {keyspace} '{Text(prefix)}'{(token is null ? "" : $" after {Text(token.Last)}")}");
        var left = Entries.Where(entry => token is null || entry.Key.Span.SequenceCompareTo(token.Last.Span) > 0).ToArray();
        if (left.Length == 0 && ScanEndsWith is { } end)
        {
            return Task.FromResult<ScanPage>(new([], null, new(end.Reason, end.Message)));
        }

        var page = left.Take(limit).ToArray();
        return Task.FromResult<ScanPage>(new(page, left.Length > limit || ScanEndsWith is not null ? ScanToken.Of(keyspace, prefix, page[^1].Key) : null));
    }

    public Task<ScanPage> ScanPageAfterAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ReadOnlyMemory<byte> after, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        ScanPageAsync(keyspace, prefix, limit, ScanToken.Of(keyspace, prefix, after), timeout, cancellationToken);

    public async IAsyncEnumerable<KeyValueEntry> ScanAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Asked.Enqueue($"scan {keyspace} '{Text(prefix)}'");
        await Task.Yield();
        foreach (var entry in Entries)
        {
            yield return entry;
        }

        if (ScanEndsWith is not null)
        {
            throw ScanEndsWith;
        }
    }

    public async IAsyncEnumerable<WatchBatch> WatchAsync(
        string keyspace, WatchFilter filter, WatchStart start = default, TimeSpan? timeout = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        Asked.Enqueue($"watch {keyspace} {(filter.IsPrefix ? "prefix" : "key")} '{Text(filter.Bytes)}' from {start.Token?.ToString() ?? start.Revision?.ToString() ?? "now"}");
        await Task.Yield();
        foreach (var batch in Batches)
        {
            yield return batch;
        }

        if (WatchEndsWith is not null)
        {
            throw WatchEndsWith;
        }

        WatchWaits.TrySetResult();
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    public Task<WriteResult> CreateKeyspaceAsync(string keyspace, int shardCount, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken = default)
    {
        Created.Add(keyspace);
        return Task.FromResult(Write(keyspace.Name));
    }

    public Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change, CancellationToken cancellationToken = default)
    {
        Altered.Add((keyspace, change));
        return Task.FromResult(Write(keyspace));
    }

    public Task<WriteResult> DropKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        Dropped.Add(keyspace);
        return Task.FromResult(Write(keyspace));
    }

    public List<string> Dropped { get; } = [];

    public Task<IReadOnlyList<KeyspaceDescriptor>?> ListKeyspacesAsync(CancellationToken cancellationToken = default) => Task.FromResult(Keyspaces);

    public IReadOnlyList<KeyspaceDescriptor>? Keyspaces { get; set; }

    public List<KeyspaceDescriptor> Created { get; } = [];

    public List<(string Keyspace, KeyspaceChange Change)> Altered { get; } = [];

    public Task<RingSnapshot?> GetRingAsync(CancellationToken cancellationToken = default) => Task.FromResult(Ring);

    public Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken = default) => Task.FromResult<IReadOnlyList<ReplicaStatus>>(Replicas);

    /// <summary>The most writes that were waiting for <see cref="Gate"/> at once.</summary>
    public int MostUnderWay { get; private set; }

    /// <summary>Calls back when so many writes are under way.</summary>
    public void WhenUnderWay(int count, Action callback) => whenUnderWay = (count, callback);

    private async Task<WriteResult> WriteAsync(ReadOnlyMemory<byte> key, string asked, CancellationToken cancellationToken)
    {
        Asked.Enqueue(asked);
        lock (counting)
        {
            MostUnderWay = Math.Max(MostUnderWay, ++underWay);
            if (whenUnderWay is { } awaited && underWay == awaited.Count)
            {
                whenUnderWay = null;
                awaited.Callback();
            }
        }

        await Gate.WaitAsync(cancellationToken);
        lock (counting)
        {
            underWay--;
        }

        return Write(Text(key));
    }

    private static string Describe(string keyspace, BatchOperation batch) => string.Join(' ', new[] { "batch", keyspace }
        .Concat(batch.If.Select(static c => $"if {Text(c.Key)} {c.Target} {c.Relation} {(c.Target == CompareTarget.Value ? $"'{Text(c.Value)}'" : c.Number)}"))
        .Concat(batch.Then.Select(static o => $"then {Describe(o)}"))
        .Concat(batch.Else.Select(static o => $"else {Describe(o)}")));

    private static string Describe(WriteOperation operation) => operation switch
    {
        PutOperation put => $"put {Text(put.Key)} '{Text(put.Value)}'",
        AppendOperation append => $"append {Text(append.Key)} '{Text(append.Value)}'",
        AddOperation add => $"add {Text(add.Key)} {add.Delta}",
        MaxOperation max => $"max {Text(max.Key)} {max.Number}",
        DeleteOperation => $"delete {Text(operation.Key)}",
        _ => $"get {Text(operation.Key)}",
    };

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
