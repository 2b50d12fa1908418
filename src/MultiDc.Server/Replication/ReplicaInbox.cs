using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Server.Replication;

/// <summary>
/// What waits for one pump. Raft messages and callers' requests wait apart, each bounded, so that neither can crowd out the other. Ticks in which nothing happens are
/// counted without waking the pump; of the others there is one at most, because a pump that was held up must not believe that all the missed time passed in silence.
/// </summary>
internal sealed class ReplicaInbox(int maxMessages, int maxRequests)
{
    private readonly ConcurrentQueue<RaftMessage> messages = new();
    private readonly ConcurrentQueue<PumpRequest> requests = new();
    private readonly ConcurrentQueue<PumpRequest> completions = new();
    private readonly WakeSignal wake = new();
    private int messageCount;
    private int requestCount;
    private int ticks;
    private int uneventfulTicks;
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
        wake.Set();
    }

    public void Tick()
    {
        if (Interlocked.Increment(ref ticks) > Volatile.Read(ref uneventfulTicks))
        {
            wake.Set();
        }
    }

    /// <summary>The next so many ticks need not wake the pump.</summary>
    public void ExpectUneventful(int count)
    {
        Interlocked.Exchange(ref uneventfulTicks, count);
        if (Volatile.Read(ref ticks) > count)
        {
            wake.Set();
        }
    }

    /// <summary>Awaited by the pump until something is there; false: it is to end.</summary>
    public WakeSignal Wake => wake;

    /// <summary>Call before taking: what is added from now on wakes again.</summary>
    public void ResetWake() => wake.Reset();

    /// <summary>More is waiting than one round took.</summary>
    public void WakeAgain() => wake.Set();

    /// <summary>The ticks that came: those in which nothing was expected to happen, and whether one came after them.</summary>
    public (int Uneventful, bool IsDue) TakeTicks()
    {
        var taken = Interlocked.Exchange(ref ticks, 0);
        return taken > uneventfulTicks ? (uneventfulTicks, true) : (taken, false);
    }

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
        wake.Set();
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
