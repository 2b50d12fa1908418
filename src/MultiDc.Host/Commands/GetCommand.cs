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
        var level = ReadLevelOption.Create();
        return new Command("get", "Print the value of a key. Never a stale one, unless --level or the keyspace asks for less. Ends with 1 if there is no such key.") { key, keyspace, level }
            .Connected(surroundings, parsed => async (work, cancellationToken) =>
            {
                var name = parsed.GetRequiredValue(key);
                var wanted = parsed.GetValue(level);
                var (space, bytes) = (parsed.GetRequiredValue(keyspace), Encoding.UTF8.GetBytes(name));
                var result = await (wanted is { } asked
                    ? work.Client.GetAsync(space, bytes, asked, work.Remaining, cancellationToken)
                    : work.Client.GetAsync(space, bytes, work.Remaining, cancellationToken)).ConfigureAwait(false);
                work.Results.Read(name, result, wanted?.OfSession?.Token);
                return Outcomes.ExitCodeOf(result);
            });
    }
}
