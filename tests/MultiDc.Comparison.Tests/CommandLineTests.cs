using System.CommandLine;
using MultiDc.Comparison.Commands;
using MultiDc.Comparison.Servers.Commands;

namespace MultiDc.Comparison.Tests;

/// <summary>What is said of command lines that cannot be meant.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("is not of the form http://host:port", "etcd", "put", "--endpoint", "127.0.0.1:2379")]
    [InlineData("--server-pid is given for each --endpoint or for none", "etcd", "put", "--endpoint", "http://127.0.0.1:1", "--endpoint", "http://127.0.0.1:2", "--server-pid", "1")]
    [InlineData("Cannot parse argument 'x' for option '--server-pid'", "etcd", "put", "--endpoint", "http://127.0.0.1:1", "--server-pid", "x")]
    [InlineData("ycsb-d reads what was inserted last", "etcd", "ycsb-d", "--endpoint", "http://127.0.0.1:1")]
    [InlineData("ycsb-e scans keys in order, which grain cannot", "grain", "ycsb-e", "--gateway", "127.0.0.1:1", "--postgres", "Host=a", "--postgres-pid", "1")]
    [InlineData("'127.0.0.1' is not of the form address:port", "grain", "put", "--gateway", "127.0.0.1", "--postgres", "Host=a", "--postgres-pid", "1")]
    [InlineData("--postgres 'postgres://a' is no connection string that names a host", "grain", "put", "--gateway", "127.0.0.1:1", "--postgres", "postgres://a", "--postgres-pid", "1")]
    [InlineData("--server-pid is given for each --server", "postgres", "put", "--server", "Host=a", "--server", "Host=b", "--server-pid", "1")]
    [InlineData("--server 'a' is no connection string that names a host", "postgres", "put", "--server", "a", "--server-pid", "1")]
    [InlineData("--connections", "postgres", "put", "--server", "Host=a", "--server-pid", "1", "--connections", "0")]
    public void The_load_generator_s(string complaint, params string[] arguments) => AssertTold(ComparisonCommand.Create(), complaint, arguments);

    [Theory]
    [InlineData("'localhost:1' is not of the form address:port", "grain-silo", "--silo", "localhost:1", "--gateway-port", "2", "--primary", "127.0.0.1:1", "--postgres", "Host=a")]
    [InlineData("--gateway-port '65536' is no port", "grain-silo", "--silo", "127.0.0.1:1", "--gateway-port", "65536", "--primary", "127.0.0.1:1", "--postgres", "Host=a")]
    [InlineData("--gateway-port '0' is no port", "grain-silo", "--silo", "127.0.0.1:1", "--gateway-port", "0", "--primary", "127.0.0.1:1", "--postgres", "Host=a")]
    public void The_servers(string complaint, params string[] arguments) => AssertTold(ServersCommand.Create(), complaint, arguments);

    [Theory]
    [InlineData("etcd", "ycsb-e", "--endpoint", "http://127.0.0.1:1")]
    [InlineData("grain", "ycsb-b", "--gateway", "127.0.0.1:1", "--gateway", "127.0.0.1:2", "--postgres", "Host=a", "--postgres-pid", "1")]
    [InlineData("postgres", "ycsb-e", "--server", "Host=a", "--server", "Host=b", "--server-pid", "1", "--server-pid", "2")]
    public void Nothing_is_said_of_a_right_one(params string[] arguments) => Assert.Empty(ComparisonCommand.Create().Parse(arguments).Errors);

    private static void AssertTold(RootCommand command, string complaint, string[] arguments) =>
        Assert.Contains(command.Parse(arguments).Errors, error => error.Message.Contains(complaint, StringComparison.Ordinal));
}
