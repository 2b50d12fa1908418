using System.CommandLine;
using Grpc.Core;
using MultiDc.Comparison.Etcd;
using MultiDc.Host.CommandLine;

namespace MultiDc.Comparison.Commands;

/// <summary><c>etcd WORKLOAD --endpoint URL</c>: what <c>multidc bench</c> does, to etcd.</summary>
internal static class EtcdCommand
{
    public static Command Create()
    {
        var endpoint = new Option<string[]>("--endpoint") { Description = "A member's address for clients, such as http://127.0.0.1:2379; repeat it for all members.", HelpName = "url", Required = true };
        endpoint.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens.Where(static token => !Uri.TryCreate(token.Value, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttp))
            {
                result.AddError($"--endpoint '{token.Value}' is not of the form http://host:port");
            }
        });
        var serverPid = new Option<int[]>("--server-pid") { Description = "The process of a member on this machine, in the order of the endpoints, to learn how much it writes to disk.", HelpName = "id" };
        var connections = new Option<int>("--connections") { Description = "Connections that all clients share.", HelpName = "count", DefaultValueFactory = static _ => 3 };
        connections.RequireRange(1, 1000, int.TryParse);
        var leaderOnly = new Option<bool>("--leader-only") { Description = "Speak to the leader only, which saves the others' forwarding. Default: to all members by turns" };
        var command = SystemCommand.Create(
            "etcd",
            [endpoint, serverPid, connections, leaderOnly],
            scans: true,
            (parsed, timeout, stop) =>
            {
                var ids = parsed.GetValue(serverPid) ?? [];
                var servers = parsed.GetRequiredValue(endpoint).Select((each, i) => new EtcdServer(new(each), ids.Length > 0 ? ids[i] : null)).ToArray();
                return EtcdTarget.ConnectAsync(servers, parsed.GetValue(leaderOnly), parsed.GetValue(connections), timeout, stop);
            },
            static exception => exception is RpcException or HttpRequestException);
        command.Validators.Add(result =>
        {
            // Of tokens, since a value that is wrong in itself cannot be asked for.
            if (result.GetResult(serverPid)?.Tokens.Count is > 0 and var ids && ids != result.GetResult(endpoint)?.Tokens.Count)
            {
                result.AddError("--server-pid is given for each --endpoint or for none");
            }
        });
        return command;
    }
}
