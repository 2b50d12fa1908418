using System.Text.Json;
using Xunit.Abstractions;

namespace MultiDc.EndToEnd.Tests.Local;

/// <summary>
/// What memory costs shows as pauses long after it was spent, so there are ceilings: about half as much again as was measured when they were set. What is
/// allocated per operation hardly depends on how fast the machine is, but on how many operations travel together, hence on the number of clients.
/// </summary>
public sealed class AllocationTests(ITestOutputHelper output)
{
    private const double MaxBytesPerPut = 16_000;
    private const double MaxBytesPerGet = 5_000;
    private const double MaxClientBytes = 5_500;

    [Fact]
    public async Task Puts_and_gets_of_64_clients_allocate_no_more_than_the_ceiling_over_all_silos()
    {
        await using var local = new LocalDatacenters(output);
        await local.DoAsync("up", "--no-build", "--loopback", "--silos", "1");
        foreach (var (workload, ceiling) in new[] { ("put", MaxBytesPerPut), ("get", MaxBytesPerGet) })
        {
            var report = JsonSerializer.Deserialize<JsonElement>(
                await local.DoAsync("multidc", "dc1", "bench", workload, "--clients", "64", "--warm-up", "4", "--seconds", "5", "--json"));
            Assert.Equal(3, report.GetProperty("servers").GetProperty("processes").GetInt32());
            Assert.InRange(report.GetProperty("servers").GetProperty("allocatedBytesPerOperation").GetDouble(), 1, ceiling);
            Assert.InRange(report.GetProperty("client").GetProperty("allocatedBytesPerOperation").GetDouble(), 1, MaxClientBytes);
        }
    }
}
