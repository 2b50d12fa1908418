using System.CommandLine;
using System.Text;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc put KEY VALUE</c></summary>
internal static class PutCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var key = ClientCommand.KeyArgument();
        var value = new Argument<string>("VALUE") { Description = "The value, or '-' to read it from standard input, byte for byte." };
        var keyspace = ClientCommand.KeyspaceOption();
        var session = ReadLevelOption.CreateSession();
        return new Command("put", "Set the value of a key.") { key, value, keyspace, session }
            .Connected(surroundings, parsed =>
            {
                var name = parsed.GetRequiredValue(key);
                var bytes = parsed.GetRequiredValue(value) is var text && text == "-" ? ReadAll(surroundings.In) : Encoding.UTF8.GetBytes(text);
                return async (work, cancellationToken) =>
                {
                    var own = parsed.GetValue(session);
                    var result = await work.ClientIn(own).PutAsync(
                        parsed.GetRequiredValue(keyspace), Encoding.UTF8.GetBytes(name), bytes, work.Remaining, cancellationToken).ConfigureAwait(false);
                    work.Results.Write(name, result, own?.Token);
                    return Outcomes.ExitCodeOf(result);
                };
            });
    }

    private static byte[] ReadAll(Stream input)
    {
        // One byte more than a value may have is enough to be refused, however much follows.
        var buffer = new byte[KeyLimits.MaxValueBytes + 1];
        var length = input.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return length <= KeyLimits.MaxValueBytes
            ? buffer[..length]
            : throw new CommandException(ExitCode.Rejected, $"the value on standard input has more than {KeyLimits.MaxValueBytes} bytes");
    }
}
