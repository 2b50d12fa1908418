using System.Diagnostics;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>What leases rest on: ticks of one registration are never closer than the interval. They may be as late as they like.</summary>
public sealed class ThreadTickSourceTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(2.5);

    [Fact]
    public void Two_ticks_are_never_closer_than_the_interval_also_after_one_that_was_held_up()
    {
        using var source = new ThreadTickSource(Interval);
        using var enough = new ManualResetEventSlim();
        var at = new List<long>();
        using var slow = source.Register(() =>
        {
            if (at.Count % 5 == 0)
            {
                var since = Stopwatch.GetTimestamp();
                SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(since) > 2 * Interval);
            }
        });
        using var registration = source.Register(() =>
        {
            at.Add(Stopwatch.GetTimestamp());
            if (at.Count == 60)
            {
                enough.Set();
            }
        });
        enough.Wait();
        registration.Dispose();
        Assert.All(at.Zip(at.Skip(1)).Take(59), pair => Assert.True(Stopwatch.GetElapsedTime(pair.First, pair.Second) >= Interval));
    }

    [Fact]
    public void Registering_anew_during_a_pass_brings_no_second_tick_in_it()
    {
        using var source = new ThreadTickSource(Interval);
        using var enough = new ManualResetEventSlim();
        var at = new List<long>();
        IDisposable? registration = null;
        registration = source.Register(TickAndRegisterAnew);
        enough.Wait();
        Assert.All(at.Zip(at.Skip(1)).Take(59), pair => Assert.True(Stopwatch.GetElapsedTime(pair.First, pair.Second) >= Interval));

        void TickAndRegisterAnew()
        {
            at.Add(Stopwatch.GetTimestamp());
            Interlocked.Exchange(ref registration, null)?.Dispose();
            if (at.Count < 60)
            {
                registration = source.Register(TickAndRegisterAnew);
            }
            else
            {
                enough.Set();
            }
        }
    }
}
