using System.CommandLine;
using System.Text;
using MultiDc.Client;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc add KEY NUMBER</c></summary>
internal static class AddCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var key = ClientCommand.KeyArgument();
        var number = new Argument<long>("NUMBER") { Description = "What to add; may be negative." };
        var keyspace = ClientCommand.KeyspaceOption();
        var session = ReadLevelOption.CreateSession();
        return new Command("add", "Add to the number that a key holds, 0 if it is absent, and print the sum; once, also when the request had to be repeated.") { key, number, keyspace, session }
            .Connected(surroundings, parsed => async (work, cancellationToken) =>
            {
                var name = parsed.GetRequiredValue(key);
                var own = parsed.GetValue(session);
                var result = await work.ClientIn(own).AddAsync(
                    parsed.GetRequiredValue(keyspace), Encoding.UTF8.GetBytes(name), parsed.GetRequiredValue(number), null, work.Remaining, cancellationToken).ConfigureAwait(false);
                work.Results.Write(name, result, own?.Token);
                return Outcomes.ExitCodeOf(result);
            });
    }
}
