using System.Collections.Concurrent;

namespace MultiDc.Server.Replication;

/// <summary>Tells the pumps that time has passed.</summary>
internal interface ITickSource
{
    /// <summary>Calls <paramref name="tick"/> once per interval until the returned registration is disposed. The callback must be quick.</summary>
    IDisposable Register(Action tick);
}

/// <summary>One thread per silo that does nothing else, so that no busy grain or full thread pool can hold the ticks up.</summary>
internal sealed class ThreadTickSource : ITickSource, IDisposable
{
    private readonly ConcurrentDictionary<Registration, Action> registrations = new();
    private readonly ManualResetEventSlim stopping = new();
    private readonly TimeSpan interval;
    private readonly Thread thread;

    public ThreadTickSource(TimeSpan interval)
    {
        this.interval = interval;
        thread = new Thread(Run) { IsBackground = true, Name = "multidc-ticks", Priority = ThreadPriority.Highest };
        thread.Start();
    }

    public IDisposable Register(Action tick)
    {
        var registration = new Registration(this);
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
        while (!stopping.Wait(interval))
        {
            foreach (var (_, tick) in registrations)
            {
                tick();
            }
        }
    }

    private sealed class Registration(ThreadTickSource source) : IDisposable
    {
        public void Dispose() => source.registrations.TryRemove(this, out _);
    }
}
