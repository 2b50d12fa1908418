using System.CommandLine;
using MultiDc.Host.CommandLine;
using MultiDc.Storage;

namespace MultiDc.Host.Stores;

/// <summary><c>multidc store</c>: looks at the folder of a stopped silo.</summary>
internal static class StoreCommand
{
    public static Command Create(Surroundings surroundings) =>
        new("store", "Look at the data folder of a stopped silo. Nothing in the folder is ever changed; while it is looked at, no silo starts in it.")
        {
            StoreVerifyCommand.Create(surroundings),
            StoreInfoCommand.Create(surroundings),
            StoreExportCommand.Create(surroundings),
        };

    public static Argument<string> FolderArgument() => new("FOLDER") { Description = "The data folder (MultiDc:DataFolder) of a silo that does not run." };

    public static Option<bool> JsonOption() => new("--json") { Description = "Answer with one JSON object per line." };

    /// <summary>Off the caller's thread, because all of it reads from the disk.</summary>
    public static void Inspecting(this Command command, Argument<string> folder, Func<ParseResult, StoreInspection, CancellationToken, ExitCode> inspect) =>
        command.SetAction((parsed, cancellationToken) => Task.Run(
            () =>
            {
                try
                {
                    using var store = StoreInspection.Open(parsed.GetRequiredValue(folder));
                    return (int)inspect(parsed, store, cancellationToken);
                }
                catch (StoreOpenException exception)
                {
                    throw new CommandException(ExitCode.DataFolderUnusable, exception.Message, exception);
                }
                catch (StoreCorruptedException exception)
                {
                    throw new CommandException(ExitCode.StoreDamaged, exception.Message, exception);
                }
            },
            cancellationToken));
}
