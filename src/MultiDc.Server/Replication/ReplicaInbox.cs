using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace MultiDc.Server.Replication;

/// <summary>
/// What waits for one pump. Raft messages and callers' requests wait apart, each bounded, so that neither can crowd out the other; ticks
/// are a flag, because a pump that was held up must not believe that all the missed time passed in silence.
/// </summary>
internal sealed class ReplicaInbox(int maxMessages, int maxRequests)
{
    private readonly ConcurrentQueue<RaftMessage> messages = new();
    private readonly ConcurrentQueue<PumpRequest> requests = new();
    private readonly ConcurrentQueue<PumpRequest> completions = new();
    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private int messageCount;
    private int requestCount;
    private int tickDue;
    private volatile bool closed;

    /// <summary>Whether everything is refused because the pump has ended.</summary>
    public bool IsClosed => closed;

    public int MessageCount => Volatile.Read(ref messageCount);

    public int RequestCount => Volatile.Read(ref requestCount);

    /// <summary>False: full, the message is dropped. Raft sends it again.</summary>
    public bool TryAddMessage(RaftMessage message) => TryAdd(messages, message, ref messageCount, maxMessages);

    /// <summary>False: full or closed.</summary>
    public bool TryAddRequest(PumpRequest request) => TryAdd(requests, request, ref requestCount, maxRequests);

    /// <summary>For results of what the pump itself began, which are as many as it began, and for news that waits once at most.</summary>
    public void AddCompletion(PumpRequest completion)
    {
        completions.Enqueue(completion);
        wake.Writer.TryWrite(true);
    }

    public void Tick()
    {
        Volatile.Write(ref tickDue, 1);
        wake.Writer.TryWrite(true);
    }

    public ValueTask<bool> WaitAsync(CancellationToken stopping) => wake.Reader.WaitToReadAsync(stopping);

    /// <summary>Call before taking: what is added from now on wakes again.</summary>
    public void ResetWake() => wake.Reader.TryRead(out _);

    /// <summary>More is waiting than one round took.</summary>
    public void WakeAgain() => wake.Writer.TryWrite(true);

    public bool TakeTick() => Interlocked.Exchange(ref tickDue, 0) == 1;

    public bool TryTakeMessage([NotNullWhen(true)] out RaftMessage? message) => TryTake(messages, out message, ref messageCount);

    public bool TryTakeRequest([NotNullWhen(true)] out PumpRequest? request) => TryTake(requests, out request, ref requestCount);

    public bool TryTakeCompletion([NotNullWhen(true)] out PumpRequest? completion) => completions.TryDequeue(out completion);

    /// <summary>Refuses everything from now on.</summary>
    public void Close() => closed = true;

    private bool TryAdd<T>(ConcurrentQueue<T> queue, T item, ref int count, int max)
    {
        if (closed)
        {
            return false;
        }

        if (Interlocked.Increment(ref count) > max)
        {
            Interlocked.Decrement(ref count);
            return false;
        }

        queue.Enqueue(item);
        wake.Writer.TryWrite(true);
        return true;
    }

    private static bool TryTake<T>(ConcurrentQueue<T> queue, [NotNullWhen(true)] out T? item, ref int count)
        where T : class
    {
        if (!queue.TryDequeue(out item))
        {
            return false;
        }

        Interlocked.Decrement(ref count);
        return true;
    }
}
