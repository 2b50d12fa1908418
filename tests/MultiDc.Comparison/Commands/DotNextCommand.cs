using System.CommandLine;
using System.Net.Sockets;
using MultiDc.Comparison.Raft;
using MultiDc.Comparison.Servers.Commands;
using MultiDc.Host.CommandLine;

namespace MultiDc.Comparison.Commands;

/// <summary><c>dotnext WORKLOAD --endpoint ADDRESS:PORT</c>: what <c>multidc bench</c> does, to a Raft group of DotNext.Net.Cluster.</summary>
internal static class DotNextCommand
{
    public static Command Create()
    {
        var endpoint = EndPointOption.Several("--endpoint", "Where clients reach a node; repeat it for all nodes.");
        var connections = new Option<int>("--connections") { Description = "Connections to the leader that all clients share.", HelpName = "count", DefaultValueFactory = static _ => 3 };
        connections.RequireRange(1, 1000, int.TryParse);
        return SystemCommand.Create(
            "dotnext",
            [endpoint, connections],
            scans: false,
            (parsed, timeout, stop) => DotNextTarget.ConnectAsync(parsed.GetRequiredValue(endpoint), parsed.GetValue(connections), timeout, stop),
            static exception => exception is SocketException or IOException or TimeoutException);
    }
}
