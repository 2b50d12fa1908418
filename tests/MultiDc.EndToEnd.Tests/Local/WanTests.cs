using System.Globalization;
using System.Text.Json;
using Xunit.Abstractions;

namespace MultiDc.EndToEnd.Tests.Local;

/// <summary>Namespaces and the WAN between them, with nothing else in them: real packets, real devices.</summary>
public sealed class WanTests(ITestOutputHelper output)
{
    private const int TimedOut = 124;

    // To a port where nobody listens: what the other side's kernel refuses took one round trip, and no program of ours was asked.
    private const string Connect = "(exec 3<>/dev/tcp/$0/9) 2>/dev/null";

    [NamespacesFact]
    public async Task Datacenters_are_as_far_apart_as_asked_can_be_cut_one_way_and_healed_and_leave_nothing_behind()
    {
        string[] namespaces;
        await using (var local = new LocalDatacenters(output))
        {
            await local.DoAsync("up", "--no-build", "--wan-only", "--round-trip", "dc1:dc2=20", "--round-trip", "dc3:dc1=60", "--round-trip", "dc2:dc3=180");
            var (status, _, error) = await local.TryAsync("up", "--no-build", "--wan-only");
            Assert.Equal(75, status);
            Assert.Contains("already up", error, StringComparison.Ordinal);
            namespaces = [.. (await local.StatusAsync()).GetProperty("datacenters").EnumerateArray().Select(static d => d.GetProperty("namespace").GetString()!)];

            // No packet is ever early. How late it is is the machine's, but not so late that the far is the near.
            var near = await RoundTripMsAsync(local, "dc1", "10.77.2.1");
            var middle = await RoundTripMsAsync(local, "dc1", "10.77.3.1");
            var far = await RoundTripMsAsync(local, "dc3", "10.77.2.1");
            output.WriteLine($"asked 20, 60, 180 ms; seen {near}, {middle}, {far} ms");
            Assert.True(near >= 20 && middle >= 60 && far >= 180 && near < middle && middle < far);

            await local.DoAsync("cut-oneway", "dc1", "dc2");
            var before = await local.StatusAsync();
            Assert.Equal(TimedOut, (await local.TryAsync("exec", "dc1", "timeout", "2", "bash", "-c", Connect, "10.77.2.1")).ExitCode);
            Assert.Equal(TimedOut, (await local.TryAsync("exec", "dc2", "timeout", "2", "bash", "-c", Connect, "10.77.1.1")).ExitCode);
            var after = await local.StatusAsync();
            Assert.Equal(Counter(before, "dc1", "dc2", "deliveredPackets"), Counter(after, "dc1", "dc2", "deliveredPackets"));
            Assert.True(Counter(after, "dc1", "dc2", "cutPackets") >= 2, "what dc1 asked, and what it answered");
            Assert.True(Counter(after, "dc2", "dc1", "deliveredPackets") > Counter(before, "dc2", "dc1", "deliveredPackets"), "the other direction is open");

            await local.DoAsync("heal");
            Assert.True(await RoundTripMsAsync(local, "dc1", "10.77.2.1") >= 20);
            await local.DoAsync("slow", "dc2", "100");
            Assert.True(await RoundTripMsAsync(local, "dc1", "10.77.2.1") >= 120);

            Assert.Equal(64, (await local.TryAsync("cut", "dc4")).ExitCode);
            Assert.Equal(64, (await local.TryAsync("cut-oneway", "dc1", "dc1")).ExitCode);
            Assert.Equal(64, (await local.TryAsync("link", "dc1", "dc2", "--loss", "2")).ExitCode);
            await local.DoAsync("down");
            Assert.Equal(75, (await local.TryAsync("status")).ExitCode);
            Assert.False(Directory.Exists(local.Folder));
        }

        Assert.Equal(3, namespaces.Length);
        Assert.All(namespaces, static name => Assert.False(File.Exists($"/run/netns/{name}"), name));
    }

    /// <summary>The shortest of some.</summary>
    private static async Task<double> RoundTripMsAsync(LocalDatacenters local, string from, string address)
    {
        var micros = await local.DoAsync(
            "exec", from, "bash", "-c", $"for i in 1 2 3 4 5; do a=${{EPOCHREALTIME/./}}; {Connect}; b=${{EPOCHREALTIME/./}}; echo $((b - a)); done", address);
        return micros.Split('\n', StringSplitOptions.RemoveEmptyEntries).Min(static line => long.Parse(line, CultureInfo.InvariantCulture)) / 1000.0;
    }

    private static long Counter(JsonElement status, string from, string to, string counter) => status.GetProperty("wan").GetProperty("links").EnumerateArray()
        .Single(link => link.GetProperty("from").GetString() == from && link.GetProperty("to").GetString() == to).GetProperty("counters").GetProperty(counter).GetInt64();
}
