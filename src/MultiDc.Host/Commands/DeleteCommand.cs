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
        var session = ReadLevelOption.CreateSession();
        return new Command("delete", "Remove a key; applied also when there is none.") { key, keyspace, session }
            .Connected(surroundings, parsed => async (work, cancellationToken) =>
            {
                var name = parsed.GetRequiredValue(key);
                var own = parsed.GetValue(session);
                var result = await work.ClientIn(own).DeleteAsync(parsed.GetRequiredValue(keyspace), Encoding.UTF8.GetBytes(name), work.Remaining, cancellationToken).ConfigureAwait(false);
                work.Results.Write(name, result, own?.Token);
                return Outcomes.ExitCodeOf(result);
            });
    }
}
