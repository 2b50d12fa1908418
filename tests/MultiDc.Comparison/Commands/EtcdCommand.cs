using System.CommandLine;
using Grpc.Core;
using MultiDc.Comparison.Etcd;
using MultiDc.Host;
using MultiDc.Host.Bench;
using MultiDc.Host.CommandLine;

namespace MultiDc.Comparison.Commands;

/// <summary><c>etcd WORKLOAD --endpoint URL</c>: what <c>multidc bench</c> does, to etcd.</summary>
internal static class EtcdCommand
{
    public static Command Create()
    {
        var arguments = new BenchArguments();
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
        var timeout = new Option<double>("--timeout") { Description = "When an operation is given up.", HelpName = "seconds", DefaultValueFactory = static _ => 10 };
        timeout.RequireRange(0.001, 3600, double.TryParse);
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        var command = new Command("etcd", "What 'multidc bench' does, to etcd: the same load generator. Exit codes as multidc's.");
        arguments.AddTo(command);
        foreach (var option in new Option[] { endpoint, serverPid, connections, leaderOnly, timeout, json })
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetValue(serverPid) is { Length: > 0 } ids && ids.Length != result.GetValue(endpoint)?.Length)
            {
                result.AddError("--server-pid is given for each --endpoint or for none");
            }
        });
        command.SetAction(async (parsed, stop) =>
        {
            var ids = parsed.GetValue(serverPid) ?? [];
            var servers = parsed.GetRequiredValue(endpoint).Select((each, i) => new EtcdServer(new(each), ids.Length > 0 ? ids[i] : null)).ToArray();
            var patience = TimeSpan.FromSeconds(parsed.GetValue(timeout));
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            try
            {
                await using var target = await EtcdTarget.ConnectAsync(servers, parsed.GetValue(leaderOnly), parsed.GetValue(connections), patience, stop);
                var report = await new BenchRun(arguments.Of(parsed, patience), target, TimeProvider.System, error.WriteLine).RunAsync(stop);
                if (parsed.GetValue(json))
                {
                    report.WriteJson(output);
                }
                else
                {
                    report.Write(output);
                }

                return (int)(report.IsMeasured ? ExitCode.Done : ExitCode.Unavailable);
            }
            catch (Exception exception) when (exception is CommandException or RpcException or HttpRequestException)
            {
                await error.WriteLineAsync($"etcd: {exception.Message}");
                return (int)(exception is CommandException known ? known.ExitCode : ExitCode.Unavailable);
            }
        });
        return command;
    }
}
