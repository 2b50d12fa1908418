using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

public sealed class WakeSignalTests
{
    [Fact]
    public async Task What_is_set_before_it_is_awaited_is_not_waited_for_and_stays_set_until_it_is_reset()
    {
        var signal = new WakeSignal();
        signal.Set();
        Assert.True(await signal);
        Assert.True(await signal);

        signal.Reset();
        Assert.False(signal.IsCompleted);
    }

    [Fact]
    public async Task The_waiter_goes_on_with_the_next_set_and_once()
    {
        var signal = new WakeSignal();
        var woken = 0;
        var waiting = Wait();
        Assert.False(waiting.IsCompleted);
        signal.Set();
        signal.Set();
        Assert.True(await waiting);
        Assert.Equal(1, woken);

        async Task<bool> Wait()
        {
            var goesOn = await signal;
            woken++;
            return goesOn;
        }
    }

    [Fact]
    public async Task A_set_between_the_look_and_the_waiting_is_not_missed()
    {
        var signal = new WakeSignal();
        Assert.False(signal.IsCompleted);
        signal.Set();
        var woken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        signal.UnsafeOnCompleted(woken.SetResult);
        await woken.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task An_end_wakes_and_is_for_good()
    {
        var signal = new WakeSignal();
        var waiting = Wait();
        signal.End();
        Assert.False(await waiting);
        signal.Reset();
        Assert.False(await signal);

        async Task<bool> Wait() => await signal;
    }

    [Fact]
    public async Task The_waiter_goes_on_where_it_waited()
    {
        var signal = new WakeSignal();
        using var scheduler = new PumpScheduler(1);
        var scheduled = new TurnScheduler();
        var onThread = Task.Factory.StartNew(
            async () =>
            {
                var before = Environment.CurrentManagedThreadId;
                Assert.True(await signal);
                return before == Environment.CurrentManagedThreadId;
            },
            CancellationToken.None,
            TaskCreationOptions.None,
            scheduler).Unwrap();
        SpinWait.SpinUntil(() => scheduler.Sleeping == 1);
        signal.Set();
        Assert.True(await onThread);

        signal.Reset();
        var onScheduler = Task.Factory.StartNew(
            async () =>
            {
                Assert.True(await signal);
                return TaskScheduler.Current == scheduled;
            },
            CancellationToken.None,
            TaskCreationOptions.None,
            scheduled).Unwrap();
        scheduled.RunUntilIdle();
        signal.Set();
        Assert.False(onScheduler.IsCompleted);
        scheduled.RunUntilIdle();
        Assert.True(await onScheduler);
    }

    [Fact]
    public async Task Nothing_that_is_added_before_a_set_is_missed_whoever_adds_it()
    {
        const int Rounds = 200_000;
        var signal = new WakeSignal();
        var (added, taken) = (0, 0);
        using var scheduler = new PumpScheduler(1);
        var taking = Task.Factory.StartNew(
            async () =>
            {
                while (await signal)
                {
                    signal.Reset();
                    taken = Volatile.Read(ref added);
                    if (taken == Rounds)
                    {
                        return;
                    }
                }
            },
            CancellationToken.None,
            TaskCreationOptions.None,
            scheduler).Unwrap();
        Parallel.For(0, Rounds, _ =>
        {
            Interlocked.Increment(ref added);
            signal.Set();
        });
        await taking;
        Assert.Equal(Rounds, taken);
    }
}
