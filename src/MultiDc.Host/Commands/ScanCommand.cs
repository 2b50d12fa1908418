using System.CommandLine;
using System.Text;
using MultiDc.Client;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc scan PREFIX</c></summary>
internal static class ScanCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var prefix = new Argument<string>("PREFIX")
        {
            Description = "What the keys begin with; without it, all keys.",
            DefaultValueFactory = static _ => "",
        };
        var limit = new Option<long?>("--limit", "-n") { Description = "Stop after this many keys.", HelpName = "count" };
        limit.RequireRange(1, long.MaxValue, long.TryParse);
        var keyspace = ClientCommand.KeyspaceOption();
        return new Command("scan", "Print keys and values (separated by a tab) in key order. Every page is fresh; the whole is not one moment.") { prefix, limit, keyspace }
            .Connected(surroundings, parsed => async (work, cancellationToken) =>
            {
                var left = parsed.GetValue(limit) ?? long.MaxValue;
                try
                {
                    var entries = work.Client.ScanAsync(
                        parsed.GetRequiredValue(keyspace), Encoding.UTF8.GetBytes(parsed.GetValue(prefix) ?? ""), work.Timeout, cancellationToken);
                    await foreach (var entry in entries.ConfigureAwait(false))
                    {
                        work.Results.Entry(entry);
                        if (--left == 0)
                        {
                            break;
                        }
                    }

                    return ExitCode.Done;
                }
                catch (MultiDcUnavailableException exception)
                {
                    work.Results.ScanRefused(exception.Reason, exception.Message);
                    return Outcomes.ExitCodeOf(exception.Reason);
                }
            });
    }
}
