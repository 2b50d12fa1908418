using Microsoft.Extensions.Time.Testing;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Replication;

public sealed class PumpSchedulerTests
{
    [Fact]
    public async Task A_thread_commits_what_all_pumps_wrote_when_none_of_them_has_anything_left_to_do()
    {
        var store = new CountingStore();
        using var scheduler = new PumpScheduler(2, store);
        SpinWait.SpinUntil(() => scheduler.Sleeping == 2);
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        await await OnPump(scheduler, () => Task.WhenAll(OnPump(scheduler, Write(first)), OnPump(scheduler, Write(second)), OnPump(scheduler, () => Assert.Equal(0, store.Commits))));
        await Task.WhenAll(first.Task, second.Task);
        Assert.Equal(1, store.Commits);

        Action Write(TaskCompletionSource done) => () =>
        {
            Assert.True(store.CommitsHere());
            store.Queue(done);
        };
    }

    [Fact]
    public void Other_threads_do_not_commit()
    {
        var store = new CountingStore();
        using var scheduler = new PumpScheduler(2, store);
        using var other = new PumpScheduler(2, new CountingStore());
        Assert.False(store.CommitsHere());
        Assert.False(OnPump(other, () => store.CommitsHere()).GetAwaiter().GetResult());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task What_a_pump_wakes_runs_though_no_other_thread_is_woken_for_it(int threads)
    {
        using var scheduler = new PumpScheduler(threads);
        for (var i = 0; i < 1000; i++)
        {
            Task[] woken = await OnPump(scheduler, () => Enumerable.Range(0, i % 4).Select(_ => OnPump(scheduler, () => true)).ToArray<Task>());
            await Task.WhenAll(woken);
        }
    }

    [Fact]
    public async Task Another_thread_helps_when_something_has_waited_too_long()
    {
        var time = new FakeTimeProvider();
        using var scheduler = new PumpScheduler(2, time: time);
        using var open = new ManualResetEventSlim();
        var began = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var busy = OnPump(scheduler, () =>
        {
            began.SetResult();
            open.Wait();
        });
        await began.Task;
        SpinWait.SpinUntil(() => scheduler.Sleeping == 1);
        var waiting = OnPump(scheduler, () => true);
        time.Advance(TimeSpan.FromMilliseconds(9));
        _ = OnPump(scheduler, () => true);
        Assert.Equal(2, scheduler.Waiting);

        time.Advance(TimeSpan.FromMilliseconds(2));
        _ = OnPump(scheduler, () => true);
        Assert.True(await waiting);
        Assert.False(busy.IsCompleted);
        open.Set();
        await busy;
    }

    [Fact]
    public async Task A_thread_that_is_held_up_is_helped_though_nobody_queues_anything()
    {
        var ticks = new ManualTicks();
        var store = new CountingStore();
        using var scheduler = new PumpScheduler(2, store, new FakeTimeProvider(), ticks);
        using var open = new ManualResetEventSlim();
        var (began, written) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource());
        var busy = OnPump(scheduler, () =>
        {
            store.Queue(written);
            began.SetResult();
            open.Wait();
        });
        await began.Task;
        SpinWait.SpinUntil(() => scheduler.Sleeping == 1);
        var waiting = OnPump(scheduler, () => true);
        Assert.Equal(1, scheduler.Waiting);
        ticks.Tick!();
        Assert.True(await waiting);
        await written.Task;
        Assert.False(busy.IsCompleted);
        open.Set();
        await busy;
    }

    [Fact]
    public async Task What_was_written_is_committed_though_there_is_always_more_to_do()
    {
        var store = new CountingStore();
        using var scheduler = new PumpScheduler(2, store);
        var written = new TaskCompletionSource();
        await OnPump(scheduler, () => store.Queue(written));
        await await OnPump(scheduler, () => GoOnUntilAsync(() => written.Task.IsCompleted));
    }

    [Fact]
    public void A_single_thread_leaves_committing_to_the_store()
    {
        var store = new CountingStore();
        using var scheduler = new PumpScheduler(1, store);
        Assert.False(OnPump(scheduler, () => store.CommitsHere()).GetAwaiter().GetResult());
    }

    [Fact]
    public void What_was_written_last_is_committed_before_the_threads_end()
    {
        var store = new CountingStore();
        var done = new TaskCompletionSource();
        using (var scheduler = new PumpScheduler(2, store))
        {
            OnPump(scheduler, () => store.Queue(done)).Wait();
        }

        Assert.True(done.Task.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Methods_that_wait_for_each_other_go_on_one_after_the_other_before_anything_else_that_waits()
    {
        using var scheduler = new PumpScheduler(1);
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var order = new List<string>();
        var pump = OnPump(scheduler, OuterAsync);
        await pump;
        await OnPump(scheduler, () =>
        {
            written.SetResult();
            _ = OnPump(scheduler, () => order.Add("another pump"));
        });
        await await pump;
        await OnPump(scheduler, () => Assert.Equal(["inner", "outer", "another pump"], order));

        async Task OuterAsync()
        {
            await InnerAsync();
            order.Add("outer");
        }

        async Task InnerAsync()
        {
            await written.Task;
            order.Add("inner");
        }
    }

    [Fact]
    public async Task What_awaits_on_a_pumps_thread_comes_back_to_one()
    {
        using var scheduler = new PumpScheduler(2);
        await await OnPump(scheduler, async () =>
        {
            await Task.Run(static () => Assert.Null(SynchronizationContext.Current));
            Assert.StartsWith("multidc-pump-", Thread.CurrentThread.Name, StringComparison.Ordinal);
            await Task.Yield();
            Assert.StartsWith("multidc-pump-", Thread.CurrentThread.Name, StringComparison.Ordinal);
        });
    }

    private static Task OnPump(PumpScheduler scheduler, Action action) => Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.None, scheduler);

    private static Task<T> OnPump<T>(PumpScheduler scheduler, Func<T> function) => Task.Factory.StartNew(function, CancellationToken.None, TaskCreationOptions.None, scheduler);

    // Each turn queues the next before it ends, as a pump does whose inbox is never empty.
    private static async Task GoOnUntilAsync(Func<bool> done)
    {
        for (var turns = 0; !done(); turns++)
        {
            Assert.True(turns < 1_000_000, "nothing was committed");
            await Task.Yield();
            Assert.StartsWith("multidc-pump-", Thread.CurrentThread.Name, StringComparison.Ordinal);
        }
    }

    private sealed class ManualTicks : ITickSource
    {
        public Action? Tick { get; private set; }

        public IDisposable Register(Action tick)
        {
            Tick = tick;
            return new CancellationTokenSource();
        }
    }

    private sealed class CountingStore : IWriterCommits
    {
        private readonly Queue<TaskCompletionSource> waiting = [];

        public int Commits { get; private set; }

        public Func<bool> CommitsHere { get; set; } = static () => false;

        public void Queue(TaskCompletionSource done)
        {
            lock (waiting)
            {
                waiting.Enqueue(done);
            }
        }

        public bool CommitWaiting()
        {
            lock (waiting)
            {
                if (waiting.Count == 0)
                {
                    return false;
                }

                Commits++;
                while (waiting.TryDequeue(out var done))
                {
                    done.SetResult();
                }

                return true;
            }
        }
    }
}
