using System.CommandLine;
using System.Text;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc get KEY</c></summary>
internal static class GetCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var key = ClientCommand.KeyArgument();
        var keyspace = ClientCommand.KeyspaceOption();
        return new Command("get", "Print the value of a key. Never a stale one: the read is linearizable. Ends with 1 if there is no such key.") { key, keyspace }
            .Connected(surroundings, parsed => async (work, cancellationToken) =>
            {
                var name = parsed.GetRequiredValue(key);
                var result = await work.Client.GetAsync(parsed.GetRequiredValue(keyspace), Encoding.UTF8.GetBytes(name), work.Remaining, cancellationToken).ConfigureAwait(false);
                work.Results.Read(name, result);
                return Outcomes.ExitCodeOf(result);
            });
    }
}
