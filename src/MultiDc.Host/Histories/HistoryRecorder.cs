using System.Collections.Concurrent;
using HdrHistogram;
using MultiDc.Client;
using MultiDc.Linearizability;

namespace MultiDc.Host.Histories;

/// <summary>Runs operations and writes down what each came to: the history that is judged in the end, and figures for the display.</summary>
/// <param name="time">When.</param>
/// <param name="keyspace">Where.</param>
/// <param name="startedAt">The time stamp that all times are counted from; recorders with the same one on one machine can be put together.</param>
/// <param name="firstClient">Clients are numbered from here on, apart from those of other recorders.</param>
/// <param name="acknowledged">Told of the key and the time of each write that was applied.</param>
internal sealed class HistoryRecorder(TimeProvider time, string keyspace, long startedAt, int firstClient = 1, Action<string, long>? acknowledged = null)
{
    private const long MaxLatencyMicroseconds = 60_000_000;

    private readonly ConcurrentQueue<Operation> operations = new();
    private LongConcurrentHistogram latencies = NewHistogram();
    private int lastClient = firstClient - 1;
    private long done;
    private long longestOverrun;

    /// <summary>Operations that have ended.</summary>
    public long Done => Interlocked.Read(ref done);

    public IReadOnlyCollection<Operation> Operations => operations;

    /// <summary>By how much the operation that was answered latest came after its deadline; zero when none did.</summary>
    public TimeSpan LongestOverrun => TimeSpan.FromMicroseconds(Interlocked.Read(ref longestOverrun));

    /// <summary>A number for a sequence of operations that do not overlap.</summary>
    public int NewClient() => Interlocked.Increment(ref lastClient);

    /// <summary>Nanoseconds since the time that all are counted from.</summary>
    public long Now => (long)(time.GetElapsedTime(startedAt).TotalMilliseconds * 1_000_000);

    /// <summary>The latencies in microseconds since this was last asked.</summary>
    public HistogramBase TakeLatencies() => Interlocked.Exchange(ref latencies, NewHistogram());

    public async Task<ReadResult> GetAsync(IMultiDcClient client, int number, string key, TimeSpan timeout, CancellationToken stop)
    {
        var start = Now;
        var result = await client.GetAsync(keyspace, key, timeout, stop);
        var end = Answered(start, timeout);
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
        WriteAsync(timeout, number, OperationKind.Put, key, value, null, () => client.PutAsync(keyspace, key, value, timeout));

    public Task<WriteResult> DeleteAsync(IMultiDcClient client, int number, string key, TimeSpan timeout) =>
        WriteAsync(timeout, number, OperationKind.Delete, key, null, null, () => client.DeleteAsync(keyspace, key, timeout));

    public Task<WriteResult> CompareAndSetAsync(IMultiDcClient client, int number, string key, string? expected, string value, TimeSpan timeout) =>
        WriteAsync(timeout, number, OperationKind.Cas, key, value, expected, () => client.CompareAndSetAsync(keyspace, key, expected, value, timeout));

    // Never cancelled half-way: an operation that was begun is in the history with what became of it.
    private async Task<WriteResult> WriteAsync(
        TimeSpan timeout, int number, OperationKind kind, string key, string? value, string? expected, Func<Task<WriteResult>> write)
    {
        var start = Now;
        var result = await write();
        var end = Answered(start, timeout);
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
            acknowledged?.Invoke(key, end);
        }

        return result;
    }

    private long Answered(long start, TimeSpan timeout)
    {
        var end = Now;
        var overrun = ((end - start) / 1000) - (long)timeout.TotalMicroseconds;
        for (long known; overrun > (known = Interlocked.Read(ref longestOverrun)) && Interlocked.CompareExchange(ref longestOverrun, overrun, known) != known;)
        {
        }

        return end;
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
