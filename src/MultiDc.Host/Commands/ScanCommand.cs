using System.CommandLine;
using System.Text;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc scan PREFIX</c></summary>
internal static class ScanCommand
{
    private const int PageEntries = 1000;

    public static Command Create(Surroundings surroundings)
    {
        var prefix = new Argument<string?>("PREFIX")
        {
            Description = "What the keys begin with; without it, all keys, or those of the scan that --token is of.",
            DefaultValueFactory = static _ => null,
        };
        var limit = new Option<long?>("--limit", "-n") { Description = "Stop after this many keys; if there are more, say with which token to go on.", HelpName = "count" };
        limit.RequireRange(1, long.MaxValue, long.TryParse);
        var token = TokenOption();
        var keyspace = ClientCommand.KeyspaceOption();
        return new Command("scan", "Print keys and values (separated by a tab) in key order. Every page is fresh; the whole is not one moment.") { prefix, limit, token, keyspace }
            .Connected(surroundings, parsed =>
            {
                var begun = parsed.GetValue(token);
                var from = parsed.GetValue(prefix) is { } text ? Encoding.UTF8.GetBytes(text) : begun?.Prefix ?? default;
                return (work, cancellationToken) => ScanAsync(work, parsed.GetRequiredValue(keyspace), from, parsed.GetValue(limit) ?? long.MaxValue, begun, cancellationToken);
            });
    }

    private static async Task<ExitCode> ScanAsync(ClientWork work, string keyspace, ReadOnlyMemory<byte> prefix, long limit, ScanToken? token, CancellationToken cancellationToken)
    {
        for (var left = limit; ;)
        {
            var page = await work.Client.ScanPageAsync(keyspace, prefix, (int)Math.Min(left, PageEntries), token, work.Timeout, cancellationToken).ConfigureAwait(false);
            if (page.Rejection is { } rejection)
            {
                work.Results.ScanRefused(rejection.Reason, rejection.Detail);
                return Outcomes.ExitCodeOf(rejection.Reason);
            }

            foreach (var entry in page.Entries)
            {
                work.Results.Entry(entry);
            }

            (token, left) = (page.Next, left - page.Entries.Count);
            if (token is null || left == 0)
            {
                work.Results.ScanStopped(token);
                return ExitCode.Done;
            }
        }
    }

    private static Option<ScanToken?> TokenOption() => new("--token")
    {
        Description = "Go on where the scan that told this token stopped, of the same keyspace and prefix.",
        HelpName = "token",
        CustomParser = static result =>
        {
            if (ScanToken.TryParse(result.Tokens[0].Value, out var token))
            {
                return token;
            }

            result.AddError("--token: this is no scan token that this version reads, or it was changed");
            return null;
        },
    };
}
