using MultiDc.Routing;

namespace MultiDc.Client.Tests;

public sealed class TopologyValidationTests
{
    [Fact]
    public void A_good_topology_has_no_problem() => Assert.Empty(TopologyValidation.Problems(Topology("ber", ("ber", "10.0.0.1:30000"), ("fra", "[::1]:1"), ("par", "silo.example:65535"))));

    [Fact]
    public void Every_problem_is_told_in_a_sentence()
    {
        var options = Topology("muc", ("Ber", "nowhere"), ("fra", "host:0"), ("fra", "host:70000"));
        options.ClusterId = " ";
        Assert.Equal(
            [
                "ClusterId is empty: name the system",
                "'Ber' is no datacenter name: 1 to 63 characters of a-z, 0-9, '-' (keyspaces also '.'), beginning with a letter",
                "datacenter 'Ber': gateway 'nowhere' is not of the form host:port",
                "datacenter 'fra': gateway 'host:0' is not of the form host:port",
                "datacenter 'fra': gateway 'host:70000' is not of the form host:port",
                "datacenter 'fra' is listed 2 times",
                "Datacenter 'muc' is not one of 'Ber', 'fra', 'fra'",
            ],
            TopologyValidation.Problems(options));
        Assert.Equal(["Datacenters is empty: list every datacenter of the system"], TopologyValidation.Problems(new()));
    }

    [Theory]
    [InlineData(3, 1, null)]
    [InlineData(5, 2, null)]
    [InlineData(4, 1, null)]
    [InlineData(1, 1, "'a' is a witness and 0 hold data")]
    [InlineData(2, 1, "'a' is a witness and 1 hold data")]
    [InlineData(3, 2, "'a', 'b' are witnesses and 1 hold data")]
    [InlineData(4, 2, "'a', 'b' are witnesses and 2 hold data")]
    [InlineData(5, 3, "'a', 'b', 'c' are witnesses and 2 hold data")]
    public void Witnesses_are_fewer_than_those_that_hold_data_and_two_hold_it(int datacenters, int witnesses, string? problem)
    {
        var options = Topology("a", [.. "abcde"[..datacenters].Select(static name => (name.ToString(), "host:1"))]);
        foreach (var witness in options.Datacenters.Take(witnesses))
        {
            witness.Witness = true;
        }

        var told = TopologyValidation.Problems(options).ToArray();
        Assert.True(problem is null ? told is [] : told is [var one] && one.Contains(problem), string.Join(' ', told));
    }

    [Theory]
    [InlineData("host:1", true)]
    [InlineData("[::1]:30000", true)]
    [InlineData("10.0.0.1:30000", true)]
    [InlineData(":1", false)]
    [InlineData("host:", false)]
    [InlineData("host:-1", false)]
    [InlineData("host: 1", false)]
    [InlineData("ho st:1", false)]
    [InlineData("", false)]
    public void A_gateway_is_host_and_port(string text, bool isOne) => Assert.Equal(isOne, TopologyValidation.TryParseGateway(text, out _, out _));

    private static MultiDcTopologyOptions Topology(string local, params (string Name, string Gateway)[] datacenters) => new()
    {
        Datacenter = local,
        Datacenters = [.. datacenters.Select(static d => new DatacenterOptions { Name = d.Name, Gateways = [d.Gateway] })],
    };
}
