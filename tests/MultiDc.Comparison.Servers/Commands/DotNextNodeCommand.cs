using System.CommandLine;
using MultiDc.Comparison.Servers.Raft;

namespace MultiDc.Comparison.Servers.Commands;

/// <summary><c>dotnext-node</c>: one node of a Raft group of DotNext.Net.Cluster.</summary>
internal static class DotNextNodeCommand
{
    private static readonly TimeSpan UsualElectionTimeout = TimeSpan.FromSeconds(1);

    public static Command Create()
    {
        var address = EndPointOption.One("--address", "Where the other nodes reach this one.");
        var frontPort = PortOption.Create("--front-port", "Where clients reach this one, at the same address.");
        var member = EndPointOption.Several("--member", "Where a node is reached by others; repeat it for all, this one too.");
        var folder = new Option<DirectoryInfo>("--folder") { Description = "Log and snapshots.", HelpName = "path", Required = true };
        var election = new Option<int>("--election-timeout")
        {
            Description = "The shorter end; up to twice as long.", HelpName = "ms", DefaultValueFactory = static _ => (int)UsualElectionTimeout.TotalMilliseconds,
        };
        election.Validators.Add(static result =>
        {
            foreach (var token in result.Tokens.Where(static token => !int.TryParse(token.Value, out var milliseconds) || milliseconds is < 10 or > 600_000))
            {
                result.AddError($"--election-timeout '{token.Value}' is no number of milliseconds from 10 to 600000");
            }
        });
        var command = new Command("dotnext-node", "A node of a Raft group of DotNext.Net.Cluster that keeps keys and values.") { address, frontPort, member, folder, election };
        command.SetAction(async (parsed, stop) =>
        {
            var (output, error) = (parsed.InvocationConfiguration.Output, TextWriter.Synchronized(parsed.InvocationConfiguration.Error));
            using var use = new NodeUseCounter();
            var here = parsed.GetRequiredValue(address);
            await using var node = await RaftNode.StartAsync(
                new(here, parsed.GetRequiredValue(member), parsed.GetRequiredValue(folder), TimeSpan.FromMilliseconds(parsed.GetValue(election))), stop);
            await new Front(node, use, error.WriteLine).RunAsync(new(here.Address, parsed.GetValue(frontPort)), () => output.WriteLine("serves"), stop);
            return 0;
        });
        return command;
    }
}
