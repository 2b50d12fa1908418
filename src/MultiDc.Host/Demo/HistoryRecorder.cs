using System.Collections.Concurrent;
using HdrHistogram;
using MultiDc.Client;
using MultiDc.Linearizability;
using MultiDc.Ring;

namespace MultiDc.Host.Demo;

/// <summary>Runs operations and writes down what each came to: the history that is judged in the end, and figures for the display.</summary>
internal sealed class HistoryRecorder(TimeProvider time, WritePauses pauses, int shardCount)
{
    private const long MaxLatencyMicroseconds = 60_000_000;

    private readonly ConcurrentQueue<Operation> operations = new();
    private readonly long startedAt = time.GetTimestamp();
    private LongConcurrentHistogram latencies = NewHistogram();
    private int lastClient;
    private long done;

    /// <summary>Operations that have ended.</summary>
    public long Done => Interlocked.Read(ref done);

    public IReadOnlyCollection<Operation> Operations => operations;

    /// <summary>A number for a sequence of operations that do not overlap.</summary>
    public int NewClient() => Interlocked.Increment(ref lastClient);

    /// <summary>Nanoseconds since the recording began.</summary>
    public long Now => (long)(time.GetElapsedTime(startedAt).TotalMilliseconds * 1_000_000);

    /// <summary>The latencies in microseconds since this was last asked.</summary>
    public HistogramBase TakeLatencies() => Interlocked.Exchange(ref latencies, NewHistogram());

    public async Task<ReadResult> GetAsync(IMultiDcClient client, int number, string key, TimeSpan timeout, CancellationToken stop)
    {
        var start = Now;
        var result = await client.GetAsync(DemoCluster.Keyspace, key, timeout, stop);
        var end = Now;
        Add(new()
        {
            Client = number,
            Kind = OperationKind.Get,
            Key = key,
            Start = start,
            End = end,
            Result = result is ReadServed ? OperationResult.Ok : OperationResult.Fail,
            Output = (result as ReadServed)?.Entry?.ValueText(),
        });
        return result;
    }

    public Task<WriteResult> PutAsync(IMultiDcClient client, int number, string key, string value, TimeSpan timeout) =>
        WriteAsync(number, OperationKind.Put, key, value, null, () => client.PutAsync(DemoCluster.Keyspace, key, value, timeout));

    public Task<WriteResult> DeleteAsync(IMultiDcClient client, int number, string key, TimeSpan timeout) =>
        WriteAsync(number, OperationKind.Delete, key, null, null, () => client.DeleteAsync(DemoCluster.Keyspace, key, timeout));

    public Task<WriteResult> CompareAndSetAsync(IMultiDcClient client, int number, string key, string? expected, string value, TimeSpan timeout) =>
        WriteAsync(number, OperationKind.Cas, key, value, expected, () => client.CompareAndSetAsync(DemoCluster.Keyspace, key, expected, value, timeout));

    // Never cancelled half-way: an operation that was begun is in the history with what became of it.
    private async Task<WriteResult> WriteAsync(int number, OperationKind kind, string key, string? value, string? expected, Func<Task<WriteResult>> write)
    {
        var start = Now;
        var result = await write();
        var end = Now;
        var operation = new Operation { Client = number, Kind = kind, Key = key, Value = value, Expect = expected, Start = start, End = end, Result = OperationResult.Ok };
        Add(result switch
        {
            Applied => operation with { Output = kind == OperationKind.Cas ? "true" : null },
            Rejected { Reason: RejectionReason.PreconditionFailed } => operation with { Output = "false" },
            Rejected => operation with { Result = OperationResult.Fail },
            _ => operation with { Result = OperationResult.Unknown, End = null },
        });
        if (result is Applied)
        {
            pauses.Acknowledged(HashRange.ShardOf(HashRange.HashOf(System.Text.Encoding.UTF8.GetBytes(key)), shardCount), end);
        }

        return result;
    }

    private void Add(Operation operation)
    {
        operations.Enqueue(operation);
        Interlocked.Increment(ref done);
        if (operation.End is { } end)
        {
            latencies.RecordValue(Math.Clamp((end - operation.Start) / 1000, 1, MaxLatencyMicroseconds));
        }
    }

    private static LongConcurrentHistogram NewHistogram() => new(1, MaxLatencyMicroseconds, 3);
}
