using MultiDc.Host.Bench;

namespace MultiDc.Host.Tests.Bench;

/// <summary>The report, to the letter.</summary>
public sealed class BenchReportTests
{
    [Fact]
    public void For_people()
    {
        Assert.Equal(
            """
            workload     ycsb-a on multidc: 64 clients, open loop of 1,000 operations/s, 10,000 keys zipfian, values of 256 bytes, 5 s warm-up, 2 s measured, seed 1
            throughput   1,500 operations/s; 3,000 done
            latency      p50 1.501 ms, p95 9.504 ms, p99 20.006 ms, p99.9 20.006 ms, max 20.006 ms
                         put, 1,000: p50 9.504 ms, p95 20.006 ms, p99 20.006 ms, p99.9 20.006 ms, max 20.006 ms
                         get, 2,000: p50 1.501 ms, p95 1.501 ms, p99 1.501 ms, p99.9 1.501 ms, max 1.501 ms
            failures     7 rejected: overloaded, 2 unknown, 11 unfinished, 5 not begun, since all clients were busy: the rate was not kept
            begun late   p50 0.500 ms, p99 0.500 ms: part of the latencies above
            servers      3 processes, 0.15 cores, 100.0 µs of processor time per operation, 2,000 bytes allocated per operation, 1,200 bytes to disk per operation, 0.250 flushes per operation
            client       1 process, 0.30 cores, 200.0 µs of processor time per operation

            """,
            Text(Report()),
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void For_people_when_nothing_was_done_and_nobody_told_anything()
    {
        var report = Report(nothing: true);
        Assert.False(report.IsMeasured);
        Assert.Equal(
            """
            workload     ycsb-a on multidc: 64 clients, closed loop, 10,000 keys zipfian, values of 256 bytes, 5 s warm-up, 2 s measured, seed 1
            throughput   0 operations/s; 0 done
            latency      of nothing
            failures     none
            servers      did not tell what they used, or were not the same processes all the time
            client       1 process, 0.30 cores, NaN µs of processor time per operation

            """,
            Text(report),
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void For_programs()
    {
        using var output = new StringWriter();
        Report().WriteJson(output);
        Assert.Equal(
            """
            {"target":"multidc","workload":"ycsb-a","loop":"open","clients":64,"rate":1000,"keys":10000,"distribution":"zipfian","valueBytes":256,"warmUpSeconds":5,"seconds":2,"seed":1,
            "done":3000,"operationsPerSecond":1500,"latencyMs":{"p50":1.5007,"p95":9.5039,"p99":20.0063,"p99.9":20.0063,"max":20.0063},"operations":
            {"put":{"count":1000,"latencyMs":{"p50":9.5039,"p95":20.0063,"p99":20.0063,"p99.9":20.0063,"max":20.0063}},"get":{"count":2000,"latencyMs":{"p50":1.5007,"p95":1.5007,"p99":1.5007,"p99.9":1.5007,"max":1.5007}}},
            "failures":{"rejected: overloaded":7,"unknown":2},"unfinished":11,"notBegun":5,"begunLateMs":{"p50":0.5003,"p95":0.5003,"p99":0.5003,"p99.9":0.5003,"max":0.5003},
            "servers":{"processes":3,"cores":0.15,"processorMicrosPerOperation":100,"allocatedBytesPerOperation":2000,"diskBytesPerOperation":1200,"flushesPerOperation":0.25},
            "client":{"processes":1,"cores":0.3,"processorMicrosPerOperation":200,"allocatedBytesPerOperation":null,"diskBytesPerOperation":null,"flushesPerOperation":null}}
            """.ReplaceLineEndings(""),
            output.ToString().TrimEnd());
    }

    private static string Text(BenchReport report)
    {
        using var output = new StringWriter();
        report.Write(output);
        return output.ToString();
    }

    private static BenchReport Report(bool nothing = false)
    {
        var (puts, gets, lateness) = (LatencyHistogram.Create(), LatencyHistogram.Create(), LatencyHistogram.Create());
        puts.RecordValueWithCount(LatencyHistogram.Of(TimeSpan.FromMilliseconds(9.5)), 900);
        puts.RecordValueWithCount(LatencyHistogram.Of(TimeSpan.FromMilliseconds(20)), 100);
        gets.RecordValueWithCount(LatencyHistogram.Of(TimeSpan.FromMilliseconds(1.5)), 2_000);
        lateness.RecordValueWithCount(LatencyHistogram.Of(TimeSpan.FromMilliseconds(0.5)), 3_020);
        return new()
        {
            Target = "multidc",
            Options = new()
            {
                Workload = Workload.All.First(static workload => workload.Name == "ycsb-a"),
                Distribution = KeyDistribution.Zipfian,
                Clients = 64,
                Rate = nothing ? null : 1_000,
                Keys = 10_000,
                ValueBytes = 256,
                WarmUp = TimeSpan.FromSeconds(5),
                Duration = TimeSpan.FromSeconds(2),
                Timeout = TimeSpan.FromSeconds(10),
                Seed = 1,
                Load = true,
            },
            Measured = nothing
                ? new(0, 0, new Dictionary<OperationKind, HdrHistogram.LongHistogram>(), new Dictionary<string, long>(), LatencyHistogram.Create())
                : new(
                    3_020,
                    3_000,
                    new SortedDictionary<OperationKind, HdrHistogram.LongHistogram> { [OperationKind.Put] = puts, [OperationKind.Get] = gets },
                    new SortedDictionary<string, long> { ["rejected: overloaded"] = 7, ["unknown"] = 2 },
                    lateness),
            NotBegun = nothing ? 0 : 5,
            Servers = nothing ? null : new(3, TimeSpan.FromSeconds(0.3), 6_000_000, 3_600_000, 750),
            Client = new(1, TimeSpan.FromSeconds(0.6), null, null, null),
        };
    }
}
