using System.Text;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Shop.Tests;

/// <summary>What becomes of one compare-and-set.</summary>
internal enum Fate
{
    /// <summary>It is done, and answered.</summary>
    Answered,

    /// <summary>It is done, and the answer is lost.</summary>
    AnswerLost,

    /// <summary>It never arrives, and nobody can tell.</summary>
    RequestLost,

    /// <summary>It arrives after the next write, and nobody can tell.</summary>
    Late,

    /// <summary>No leader is there.</summary>
    Refused,

    /// <summary>The value is larger than values may be.</summary>
    TooLarge,
}

/// <summary>One keyspace in memory, with compare-and-sets that fare as the test says.</summary>
internal sealed class MemoryClient : IMultiDcClient
{
    private readonly Dictionary<string, string> values = [];
    private readonly Queue<Fate> fates = new();
    private Action? late;

    /// <summary>Whether nothing answers.</summary>
    public bool IsAway { get; set; }

    /// <summary>Done once, just before a compare-and-set of this key.</summary>
    public (string Key, Action Do)? Before { get; set; }

    /// <summary>How many compare-and-sets were asked for.</summary>
    public int Writes { get; private set; }

    /// <summary>The next compare-and-sets fare so, those after them are answered.</summary>
    public void Next(params Fate[] next) => Array.ForEach(next, fates.Enqueue);

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, ReadLevel level, TimeSpan? timeout, CancellationToken cancellationToken) =>
        GetAsync(keyspace, key, timeout, cancellationToken);

    public IMultiDcClient InSession(ReadSession session) => this;

    public Task<ReadResult> GetAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        lock (values)
        {
            return Task.FromResult<ReadResult>(IsAway ? new ReadRejected(RejectionReason.Unavailable, "no leader before the deadline")
                : new ReadServed(values.TryGetValue(Text(key), out var value) ? new(key, Encoding.UTF8.GetBytes(value), new(1), new(1), 1) : null));
        }
    }

    public Task<WriteResult> CompareAndSetAsync(
        string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        if (Before is { } before && before.Key == Text(key))
        {
            Before = null;
            before.Do();
        }

        lock (values)
        {
            Writes++;
            var fate = fates.TryDequeue(out var next) ? next : Fate.Answered;
            var result = fate switch
            {
                Fate.Answered or Fate.AnswerLost => Apply(),
                Fate.TooLarge => new Rejected(RejectionReason.InvalidArgument, "the value is too large"),
                _ => new Rejected(RejectionReason.Unavailable, "no leader before the deadline"),
            };
            if (fate != Fate.Late)
            {
                late?.Invoke();
                late = null;
            }
            else
            {
                late = () => Apply();
            }

            return Task.FromResult(fate is Fate.Answered or Fate.Refused or Fate.TooLarge ? result : new Unknown("the connection was closed"));
        }

        WriteResult Apply()
        {
            if (values.GetValueOrDefault(Text(key)) != (expected is { } wanted ? Text(wanted) : null))
            {
                return new Rejected(RejectionReason.PreconditionFailed, "another value");
            }

            values[Text(key)] = Text(value);
            return new Applied(new(1));
        }
    }

    public Task<WriteResult> PutAsync(string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> DeleteAsync(string keyspace, ReadOnlyMemory<byte> key, TimeSpan? timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> WriteAsync(string keyspace, WriteOperation operation, TimeSpan? timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<LeaseReply> GetLeaseAsync(string keyspace, ReadOnlyMemory<byte> key, LeaseId lease, TimeSpan? timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<ScanPage> ScanPageAfterAsync(
        string keyspace, ReadOnlyMemory<byte> prefix, int limit, ReadOnlyMemory<byte> after, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public Task<ScanPage> ScanPageAsync(string keyspace, ReadOnlyMemory<byte> prefix, int limit, ScanToken? token, TimeSpan? timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAsyncEnumerable<KeyValueEntry> ScanAsync(string keyspace, ReadOnlyMemory<byte> prefix, TimeSpan? timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public IAsyncEnumerable<WatchBatch> WatchAsync(string keyspace, WatchFilter filter, WatchStart start, TimeSpan? timeout, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> CreateKeyspaceAsync(string keyspace, int shardCount, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> DropKeyspaceAsync(string keyspace, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<KeyspaceDescriptor>?> ListKeyspacesAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<RingSnapshot?> GetRingAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<ReplicaStatus>> GetStatusAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
