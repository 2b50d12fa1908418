using System.CommandLine;
using System.Text;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc cas KEY --expect OLD | --expect-absent VALUE</c></summary>
internal static class CasCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var key = ClientCommand.KeyArgument();
        var value = new Argument<string>("VALUE") { Description = "The new value." };
        var expect = new Option<string?>("--expect") { Description = "The value that the key must have.", HelpName = "value" };
        var expectAbsent = new Option<bool>("--expect-absent") { Description = "The key must be absent." };
        var keyspace = ClientCommand.KeyspaceOption();
        var session = ReadLevelOption.CreateSession();
        var command = new Command("cas", "Compare and set: set the value of a key only if it has the expected value (or is absent); else end with 3 and change nothing.")
        {
            key, value, expect, expectAbsent, keyspace, session,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(expect) is { Implicit: false } == result.GetValue(expectAbsent))
            {
                result.AddError("cas needs either --expect VALUE or --expect-absent");
            }
        });
        return command.Connected(surroundings, parsed => async (work, cancellationToken) =>
        {
            var name = parsed.GetRequiredValue(key);
            var expected = parsed.GetValue(expectAbsent) ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(parsed.GetValue(expect)!);
            var own = parsed.GetValue(session);
            var result = await work.ClientIn(own).CompareAndSetAsync(
                parsed.GetRequiredValue(keyspace),
                Encoding.UTF8.GetBytes(name),
                expected,
                Encoding.UTF8.GetBytes(parsed.GetRequiredValue(value)),
                work.Remaining,
                cancellationToken).ConfigureAwait(false);
            work.Results.Write(name, result, own?.Token);
            return Outcomes.ExitCodeOf(result);
        });
    }
}
