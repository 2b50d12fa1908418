using System.CommandLine;
using System.Text;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc delete KEY</c></summary>
internal static class DeleteCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var key = ClientCommand.KeyArgument();
        var keyspace = ClientCommand.KeyspaceOption();
        return new Command("delete", "Remove a key; applied also when there is none.") { key, keyspace }
            .Connected(surroundings, parsed => async (work, cancellationToken) =>
            {
                var name = parsed.GetRequiredValue(key);
                var result = await work.Client.DeleteAsync(parsed.GetRequiredValue(keyspace), Encoding.UTF8.GetBytes(name), work.Remaining, cancellationToken).ConfigureAwait(false);
                work.Results.Write(name, result);
                return Outcomes.ExitCodeOf(result);
            });
    }
}
