using System.CommandLine;
using System.Text;
using MultiDc.Client;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc watch [KEY] [--prefix P] [--from TOKEN]</c></summary>
internal static class WatchCommand
{
    private const string Description = """
        Print changes as they happen, until Ctrl-C: revision, put or delete, key and value, separated by tabs. Each shard's changes come in order, each once.
        With --json a line has all changes of a revision and a token; without, a token is printed at the end.
        """;

    public static Command Create(Surroundings surroundings)
    {
        var key = new Argument<string?>("KEY") { Description = "The key to watch.", Arity = ArgumentArity.ZeroOrOne };
        var prefix = new Option<string?>("--prefix", "-p") { Description = "Watch the keys that begin with this, instead of one key; empty: all keys.", HelpName = "prefix" };
        var from = new Option<string?>("--from") { Description = "Go on where another watch of the same keys was. Default: begin now", HelpName = "token" };
        var limit = new Option<long?>("--limit", "-n") { Description = "Stop after this many changes.", HelpName = "count" };
        limit.RequireRange(1, long.MaxValue, long.TryParse);
        from.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && !WatchToken.TryParse(result.Tokens[0].Value, out _))
            {
                result.AddError($"--from: '{result.Tokens[0].Value}' is no token of a watch, or not all of one");
            }
        });
        var keyspace = ClientCommand.KeyspaceOption();
        var command = new Command("watch", Description) { key, prefix, from, limit, keyspace };
        command.Validators.Add(result =>
        {
            if (result.GetResult(key) is { Tokens.Count: > 0 } == result.GetResult(prefix) is { Implicit: false })
            {
                result.AddError("give either a KEY or --prefix");
            }
        });
        return command.Connected(surroundings, parsed => (work, cancellationToken) =>
        {
            var filter = parsed.GetValue(prefix) is { } begin ? WatchFilter.Prefix(Encoding.UTF8.GetBytes(begin)) : WatchFilter.Key(Encoding.UTF8.GetBytes(parsed.GetValue(key)!));
            var start = parsed.GetValue(from) is { } token ? WatchStart.After(WatchToken.Parse(token)) : WatchStart.Now;
            return WatchAsync(work, parsed.GetRequiredValue(keyspace), filter, start, parsed.GetValue(limit) ?? long.MaxValue, cancellationToken);
        });
    }

    private static async Task<ExitCode> WatchAsync(ClientWork work, string keyspace, WatchFilter filter, WatchStart start, long left, CancellationToken cancellationToken)
    {
        var token = start.Token;
        try
        {
            await foreach (var batch in work.Client.WatchAsync(keyspace, filter, start, cancellationToken: cancellationToken).ConfigureAwait(false))
            {
                work.Results.Watched(batch);
                token = batch.Token;
                if ((left -= batch.Events.Count) <= 0)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // That is how a watch ends.
        }
        catch (WatchCompactedException exception)
        {
            work.Results.WatchCompacted(exception);
            return ExitCode.Rejected;
        }
        catch (MultiDcUnavailableException exception)
        {
            work.Results.WatchEnded(token);
            work.Results.ScanRefused(exception.Reason, exception.Message);
            return Outcomes.ExitCodeOf(exception.Reason);
        }

        work.Results.WatchEnded(token);
        return ExitCode.Done;
    }
}
