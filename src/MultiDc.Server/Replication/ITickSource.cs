using System.Collections.Concurrent;
using System.Diagnostics;

namespace MultiDc.Server.Replication;

/// <summary>Tells the pumps that time has passed.</summary>
internal interface ITickSource
{
    /// <summary>Calls <paramref name="tick"/> once per interval until the returned registration is disposed. The callback must be quick.</summary>
    IDisposable Register(Action tick);
}

/// <summary>
/// One thread per silo that does nothing else, so that no busy grain or full thread pool can hold the ticks up. Two ticks of a registration are
/// never closer than the interval by the monotonic clock, since leader leases rest on that (dissertation §6.4.1): the interval is counted from
/// the end of one pass to the beginning of the next, and a registration made during a pass waits for the next. Ticks come late instead.
/// </summary>
internal sealed class ThreadTickSource : ITickSource, IDisposable
{
    private readonly ConcurrentDictionary<Registration, Action> registrations = new();
    private readonly ManualResetEventSlim stopping = new(initialState: false, spinCount: 0);
    private readonly TimeSpan interval;
    private readonly Thread thread;
    private long pass;

    public ThreadTickSource(TimeSpan interval)
    {
        this.interval = interval;
        thread = new Thread(Run) { IsBackground = true, Name = "multidc-ticks", Priority = ThreadPriority.Highest };
        thread.Start();
    }

    /// <summary>How many are ticked.</summary>
    public int Count => registrations.Count;

    public IDisposable Register(Action tick)
    {
        var registration = new Registration(this, Volatile.Read(ref pass));
        registrations[registration] = tick;
        return registration;
    }

    public void Dispose()
    {
        stopping.Set();
        thread.Join();
        stopping.Dispose();
    }

    private void Run()
    {
        var lastPassEnded = Stopwatch.GetTimestamp();
        while (Wait(lastPassEnded))
        {
            var current = Interlocked.Increment(ref pass);
            foreach (var (registration, tick) in registrations)
            {
                if (registration.MadeInPass < current)
                {
                    tick();
                }
            }

            lastPassEnded = Stopwatch.GetTimestamp();
        }
    }

    /// <summary>False: to be stopped. A wait can end early by the coarseness of its own clock.</summary>
    private bool Wait(long since)
    {
        while (interval - Stopwatch.GetElapsedTime(since) is var rest && rest > TimeSpan.Zero)
        {
            if (stopping.Wait((int)Math.Ceiling(rest.TotalMilliseconds)))
            {
                return false;
            }
        }

        return !stopping.IsSet;
    }

    private sealed class Registration(ThreadTickSource source, long madeInPass) : IDisposable
    {
        public long MadeInPass => madeInPass;

        public void Dispose() => source.registrations.TryRemove(this, out _);
    }
}
