using System.CommandLine;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Host.Stores;

/// <summary><c>multidc store verify FOLDER</c></summary>
internal static class StoreVerifyCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var folder = StoreCommand.FolderArgument();
        var json = StoreCommand.JsonOption();
        var command = new Command("verify", "Read every byte, check every checksum and all that must hold between records, logs and states, and print each problem. Ends with 7 if there is one.") { folder, json };
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () => (int)Verify(parsed.GetRequiredValue(folder), surroundings.Out, parsed.GetValue(json), cancellationToken), cancellationToken));
        return command;
    }

    private static ExitCode Verify(string folder, TextWriter output, bool json, CancellationToken cancellationToken)
    {
        try
        {
            using var store = StoreInspection.Open(folder);
            var result = store.Verify(new KeyValueContentCheck(), problem => Tell(output, json, problem), cancellationToken);
            Tell(output, json, result);
            return result.Problems == 0 ? ExitCode.Done : ExitCode.StoreDamaged;
        }
        catch (StoreCorruptedException exception)
        {
            // So damaged that it does not even open: that is the one problem, and what lies behind it cannot be seen.
            Tell(output, json, new StoreProblem(exception.Replica, exception.Key, exception.Problem));
            Tell(output, json, new StoreVerification(0, 0, 0, 0, 0, 1));
            return ExitCode.StoreDamaged;
        }
        catch (StoreOpenException exception)
        {
            throw new CommandException(ExitCode.DataFolderUnusable, exception.Message, exception);
        }
    }

    private static void Tell(TextWriter output, bool json, StoreProblem problem)
    {
        if (!json)
        {
            output.WriteLine($"{problem.Replica?.Value ?? "the store"}: {problem.Key}: {problem.Problem}");
            return;
        }

        JsonLine.Write(output, writer =>
        {
            writer.WriteString("type", "problem");
            writer.WriteString("replica", problem.Replica?.Value);
            writer.WriteString("key", problem.Key);
            writer.WriteString("problem", problem.Problem);
        });
    }

    private static void Tell(TextWriter output, bool json, StoreVerification result)
    {
        if (!json)
        {
            var abandoned = result.AbandonedRows == 0 ? "" : $", {result.AbandonedRows} abandoned rows";
            output.WriteLine($"{result.Replicas} replicas, {result.Entries} entries, {result.Rows} rows, {result.Records} records{abandoned}: {(result.Problems == 0 ? "no" : result.Problems)} problem{(result.Problems == 1 ? "" : "s")}");
            return;
        }

        JsonLine.Write(output, writer =>
        {
            writer.WriteString("type", "verified");
            writer.WriteNumber("replicas", result.Replicas);
            writer.WriteNumber("entries", result.Entries);
            writer.WriteNumber("rows", result.Rows);
            writer.WriteNumber("records", result.Records);
            writer.WriteNumber("abandonedRows", result.AbandonedRows);
            writer.WriteNumber("problems", result.Problems);
        });
    }
}
