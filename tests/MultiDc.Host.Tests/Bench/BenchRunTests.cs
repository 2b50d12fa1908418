using MultiDc.Host.Bench;

namespace MultiDc.Host.Tests.Bench;

/// <summary>A whole run, on real time: what is asserted of it are lower bounds, which a slow machine only makes safer.</summary>
public sealed class BenchRunTests
{
    [Fact]
    public async Task In_an_open_loop_a_stall_is_in_the_latencies_of_all_that_were_to_begin_meanwhile()
    {
        var report = await RunAsync(rate: 100);

        // Operations meant for the first 600 ms are 60 of at most 100, and each of them had at least 200 ms to go until the stall was over.
        Assert.True(report.Measured.AllLatencies.MillisecondsAt(50) >= 200);
        Assert.True(report.Measured.Lateness.MillisecondsAt(50) >= 200);
        Assert.Equal(100, report.Measured.Begun + report.NotBegun);
    }

    [Fact]
    public async Task In_a_closed_loop_it_is_one_operation_that_took_long()
    {
        var report = await RunAsync(rate: null);
        Assert.True(report.Measured.AllLatencies.MillisecondsAt(100) >= 790);
        Assert.True(report.Measured.AllLatencies.TotalCount > 2);
        Assert.True(report.Measured.AllLatencies.MillisecondsAt(50) < 790);
        Assert.Equal(0, report.NotBegun);
    }

    private static Task<BenchReport> RunAsync(double? rate) => new BenchRun(
        new()
        {
            Workload = Workload.All.First(static workload => workload.Name == "get"),
            Distribution = KeyDistribution.Uniform,
            Clients = 1,
            Rate = rate,
            Keys = 10,
            ValueBytes = 1,
            WarmUp = TimeSpan.Zero,
            Duration = TimeSpan.FromSeconds(1),
            Timeout = TimeSpan.FromSeconds(30),
            Seed = 1,
            Load = false,
        },
        new StallingTarget(),
        TimeProvider.System,
        static _ => { }).RunAsync(CancellationToken.None);

    /// <summary>The first answer takes 800 ms.</summary>
    private sealed class StallingTarget : IBenchTarget
    {
        private int asked;

        public string Name => "stalling";

        public async ValueTask<OperationOutcome> GetAsync(int client, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
        {
            await Task.Delay(Interlocked.Increment(ref asked) == 1 ? 800 : 0, cancellationToken);
            return OperationOutcome.Done;
        }

        public ValueTask<OperationOutcome> PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<OperationOutcome> PingAsync(int client, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<ServerUsage>>([]);
    }
}
