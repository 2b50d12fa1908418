using Microsoft.Extensions.Time.Testing;
using MultiDc.Host.Bench;

namespace MultiDc.Host.Tests.Bench;

/// <summary>A whole run on a clock that only the operations move, and the test when all have begun.</summary>
public sealed class BenchRunTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task In_an_open_loop_a_stall_is_in_the_latencies_of_all_that_were_to_begin_meanwhile()
    {
        var report = await RunAsync(rate: 100, otherMs: 0, until: 100);

        // Operations meant for the first 600 ms are 60 of at most 100, and each of them had at least 200 ms to go until the stall was over.
        Assert.True(report.Measured.AllLatencies.MillisecondsAt(50) >= 200);
        Assert.True(report.Measured.Lateness.MillisecondsAt(50) >= 200);
        Assert.Equal(100, report.Measured.Begun + report.NotBegun);
    }

    [Fact]
    public async Task In_a_closed_loop_it_is_one_operation_that_took_long()
    {
        var report = await RunAsync(rate: null, otherMs: 10, until: 21);
        Assert.Equal(21, report.Measured.AllLatencies.TotalCount);
        Assert.InRange(report.Measured.AllLatencies.MillisecondsAt(100), 799, 801);
        Assert.InRange(report.Measured.AllLatencies.MillisecondsAt(90), 9.9, 10.1);
        Assert.Equal(0, report.NotBegun);
    }

    private static async Task<BenchReport> RunAsync(double? rate, int otherMs, int until)
    {
        var time = new TimeOfOperations();
        var target = new StallingTarget(time, otherMs, until);
        var run = new BenchRun(
            new()
            {
                Workload = Workload.All.First(static workload => workload.Name == "get"),
                Distribution = KeyDistribution.Uniform,
                Clients = 1,
                Rate = rate,
                Keys = 10,
                ValueBytes = 1,
                WarmUp = TimeSpan.Zero,
                Duration = Window,
                Timeout = TimeSpan.FromSeconds(30),
                Seed = 1,
                Load = false,
            },
            target,
            time,
            static _ => { }).RunAsync(CancellationToken.None);
        await target.Reached;

        // All operations were asked for. In a closed loop their answers have moved the clock to the end of the window; in an open one the last was to begin
        // 10 ms before it.
        if (rate is not null)
        {
            time.Advance(TimeSpan.FromMilliseconds(10));
        }

        return await run;
    }

    /// <summary>Stands still but for what an operation takes, and for the short pauses of a client that is too early for its next one.</summary>
    private sealed class TimeOfOperations : FakeTimeProvider
    {
        private readonly TaskCompletionSource windowAwaited = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when the run waits for the end of its window: moved before, the clock would be behind that end for good.</summary>
        public Task WindowAwaited => windowAwaited.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (dueTime > TimeSpan.Zero && dueTime <= TimeSpan.FromMilliseconds(10))
            {
                ThreadPool.QueueUserWorkItem(_ => Advance(dueTime));
            }
            else if (dueTime == Window)
            {
                windowAwaited.TrySetResult();
            }

            return timer;
        }
    }

    /// <summary>The first answer takes 800 ms, and each other one as long as the others.</summary>
    private sealed class StallingTarget(TimeOfOperations time, int otherMs, int until) : IBenchTarget
    {
        private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int asked;

        public string Name => "stalling";

        /// <summary>Completes when so many were asked.</summary>
        public Task Reached => reached.Task;

        public async ValueTask<OperationOutcome> GetAsync(int client, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
        {
            await time.WindowAwaited;
            time.Advance(TimeSpan.FromMilliseconds(++asked == 1 ? 800 : otherMs));
            if (asked == until)
            {
                reached.SetResult();
            }

            return OperationOutcome.Done;
        }

        public ValueTask<OperationOutcome> PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<OperationOutcome> ScanAsync(int client, ReadOnlyMemory<byte> after, int limit, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<OperationOutcome> PingAsync(int client, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ServerUsage>>([]);
    }
}
