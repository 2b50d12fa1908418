using MultiDc.Wan.CommandLine;

namespace MultiDc.Wan.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public void A_round_trip_is_split_between_the_two_directions()
    {
        var rules = RunCommand.UsualRules(["a", "b", "c"], ["a:b=10", "c:b=40.5"], jitterMs: 2);
        Assert.Equal(
            (5, 5, 20.25, 20.25, 0, 0),
            (rules[("a", "b")].DelayMs, rules[("b", "a")].DelayMs, rules[("b", "c")].DelayMs, rules[("c", "b")].DelayMs, rules[("a", "c")].DelayMs, rules[("c", "a")].DelayMs));
        Assert.All(rules.Values, static r => Assert.Equal(2, r.JitterMs));
    }

    [Theory]
    [InlineData("run --socket s --datacenter a=10.0.1.0/24@x --datacenter b=10.0.2.0/24@y --round-trip a:d=10", 2, "--round-trip 'a:d=10' is not of the form")]
    [InlineData("run --socket s --datacenter a=10.0.1.0/24@x --datacenter b=10.0.2.0/24@y --round-trip a:b=-1", 2, "delayMs -0.5 is not within 0 to 60000")]
    [InlineData("run --socket s --datacenter a=10.0.1.0/24@x", 2, "at least two datacenters")]
    [InlineData("run --socket s --datacenter a=10.0.1.0/24 --datacenter b=10.0.2.0/24@y", 2, "--datacenter 'a=10.0.1.0/24' is not of the form")]
    [InlineData("run --socket s --datacenter a=fd00::/64@x --datacenter b=10.0.2.0/24@y", 2, "is not an IPv4 network")]
    [InlineData("run --socket s --datacenter a=10.0.1.0/24@/none --datacenter b=10.0.2.0/24@/none", 69, "network namespace /none cannot be opened: No such file or directory")]
    [InlineData("state --socket /none/socket", 5, "no WAN answers at /none/socket: ")]
    [InlineData("cut --socket s", 2, "'cut'")]
    [InlineData("state", 2, "--socket")]
    public async Task What_cannot_be_done_says_why(string arguments, int exitCode, string reason)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.Equal(exitCode, await WanCommand.InvokeAsync(arguments.Split(' '), output, error));
        Assert.Contains(reason, error.ToString(), StringComparison.Ordinal);
    }
}
