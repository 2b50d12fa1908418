using Xunit.Abstractions;

namespace MultiDc.EndToEnd.Tests.Local;

/// <summary>Three datacenters as an operator has them on one machine: silos, Redis and a WAN between them.</summary>
public sealed class LocalTests(ITestOutputHelper output)
{
    private const string Patience = "60";

    [NamespacesFact]
    public async Task A_datacenter_is_cut_off_and_the_others_go_on_and_a_silo_that_starts_without_its_Redis_waits_for_it()
    {
        await using var local = new LocalDatacenters(output);
        await local.DoAsync("up", "--no-build", "--shards", "2");
        Assert.Contains("applied", await local.DoAsync("multidc", "dc1", "put", "greeting", "hello", "--timeout", Patience), StringComparison.Ordinal);

        await local.DoAsync("cut", "dc1");
        Assert.Contains("applied", await local.DoAsync("multidc", "dc2", "put", "greeting", "still here", "--timeout", Patience), StringComparison.Ordinal);
        Assert.Equal("still here\n", await local.DoAsync("multidc", "dc3", "get", "greeting", "--timeout", Patience));
        Assert.Equal(5, (await local.TryAsync("multidc", "dc1", "get", "greeting", "--timeout", "3")).ExitCode);

        await local.DoAsync("heal", "dc1");
        Assert.Equal("still here\n", await local.DoAsync("multidc", "dc1", "get", "greeting", "--timeout", Patience));

        await local.DoAsync("kill-redis", "dc1");
        await local.DoAsync("kill", "dc1-a");
        await local.DoAsync("start", "dc1-a", "--no-wait");
        var log = Path.Combine(local.Folder, "dc1-a", "silo.log");
        using (var saw = new CancellationTokenSource(TimeSpan.FromMinutes(2)))
        {
            while (!(await File.ReadAllTextAsync(log, saw.Token)).Contains("waiting for Redis at 10.77.1.1:11079 (Silo:Redis), which does not answer", StringComparison.Ordinal))
            {
                await Task.Delay(100, saw.Token);
            }
        }

        Assert.Contains("applied", await local.DoAsync("multidc", "dc1", "put", "greeting", "again", "--timeout", Patience), StringComparison.Ordinal);
        await local.DoAsync("kill", "dc1-a");
        await local.DoAsync("start-redis", "dc1");
        await local.DoAsync("start", "dc1-a");
        Assert.Equal("again\n", await local.DoAsync("multidc", "dc1", "get", "greeting", "--timeout", Patience));
    }
}
