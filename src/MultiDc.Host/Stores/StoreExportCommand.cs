using System.CommandLine;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;
using MultiDc.Storage;

namespace MultiDc.Host.Stores;

/// <summary><c>multidc store export FOLDER</c></summary>
internal static class StoreExportCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var folder = StoreCommand.FolderArgument();
        var replica = new Option<string[]>("--replica") { Description = "Only this replica (keyspace/shard@datacenter); repeat it for more. Default: all, and the store's records.", HelpName = "name" };
        var log = new Option<bool>("--log") { Description = "Only the logs, unless --state is given too." };
        var state = new Option<bool>("--state") { Description = "Only the states, unless --log is given too." };
        var file = new Option<string?>("--out", "-o") { Description = "Write to this new file instead of standard output.", HelpName = "file" };
        var command = new Command("export", "Print the store as NDJSON: its records, and of each replica its log and its state. The format is in infra/README.md.") { folder, replica, log, state, file };
        command.Inspecting(folder, (parsed, store, cancellationToken) =>
        {
            var onlyOne = parsed.GetValue(log) != parsed.GetValue(state);
            var export = new StoreExport(store, !onlyOne || parsed.GetValue(log), !onlyOne || parsed.GetValue(state), cancellationToken);
            var names = Chosen(store, parsed.GetValue(replica) ?? []);
            if (parsed.GetValue(file) is not { } path)
            {
                export.Write(surroundings.Out, names);
                return ExitCode.Done;
            }

            using var output = Create(path);
            export.Write(output, names);
            return ExitCode.Done;
        });
        return command;
    }

    /// <summary>Null for everything.</summary>
    private static IReadOnlyList<ReplicaName>? Chosen(StoreInspection store, string[] names)
    {
        if (names.Length == 0)
        {
            return null;
        }

        var known = store.ListReplicas();
        return names.FirstOrDefault(name => !known.Contains(new(name))) is { } unknown
            ? throw new CommandException(ExitCode.WrongUsage, $"the store has no replica '{unknown}'; 'multidc store info {store.Folder}' lists them")
            : [.. names.Distinct().Select(static name => new ReplicaName(name))];
    }

    private static StreamWriter Create(string path)
    {
        try
        {
            return new(new FileStream(path, FileMode.CreateNew, FileAccess.Write));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.WrongUsage, $"--out: {path} cannot be made: {exception.Message}", exception);
        }
    }
}
