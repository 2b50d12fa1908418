using System.Text.Json;
using Xunit.Abstractions;

namespace MultiDc.EndToEnd.Tests.Local;

/// <summary>
/// The sample web app beside two of three datacenters, with real silos, Redis and customers; without namespaces as plain processes on this machine.
/// </summary>
public sealed class ShopTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_shop_goes_by_another_datacenter_when_its_own_is_killed_and_returns_and_carts_are_intact()
    {
        await using var local = new LocalDatacenters(output);
        await local.DoAsync("up", "--no-build", "--shop", "--shards", "2");
        var processes = ShopProcesses(await local.StatusAsync());

        var drill = await local.DrillAsync("shop", "--rounds", "2", "--seconds", "3", "--customers", "2", "--json");
        Assert.Equal(0, drill.ExitCode);
        var report = JsonSerializer.Deserialize<JsonElement>(drill.Output.Split('\n').Single(static line => line.StartsWith('{')));
        Assert.True(report.GetProperty("kept").GetBoolean());
        Assert.Empty(report.GetProperty("violations").EnumerateArray());
        Assert.True(report.GetProperty("acknowledged").GetInt32() > 0);

        // Each datacenter with a shop was killed once: that shop left it and returned, and is still the process that it was.
        var faults = report.GetProperty("faults").EnumerateArray().ToArray();
        Assert.Equal(2, faults.Length);
        foreach (var (fault, own) in faults.Zip(["dc1", "dc2"]))
        {
            var shop = fault.GetProperty("shops").EnumerateArray().Single(each => each.GetProperty("shop").GetString() == own);
            Assert.Equal(JsonValueKind.Number, shop.GetProperty("leftAfterSeconds").ValueKind);
            Assert.Equal(JsonValueKind.Number, shop.GetProperty("returnedAfterSeconds").ValueKind);
        }

        Assert.Equal(2, processes.Length);
        Assert.Equal(processes, ShopProcesses(await local.StatusAsync()));
    }

    private static int[] ShopProcesses(JsonElement status) => [.. status.GetProperty("datacenters").EnumerateArray()
        .Select(static datacenter => datacenter.GetProperty("shop")).Where(static shop => shop.ValueKind == JsonValueKind.Object).Select(static shop => shop.GetProperty("pid").GetInt32())];
}
