using System.CommandLine;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;
using MultiDc.Storage;

namespace MultiDc.Host.Stores;

/// <summary><c>multidc store info FOLDER</c></summary>
internal static class StoreInfoCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var folder = StoreCommand.FolderArgument();
        var json = StoreCommand.JsonOption();
        var command = new Command("info", "Print whose store it is and where each replica in it stands. Logs and states are not read: 'verify' does.") { folder, json };
        command.Inspecting(folder, (parsed, store, cancellationToken) => Tell(surroundings, store, parsed.GetValue(json), cancellationToken));
        return command;
    }

    private static ExitCode Tell(Surroundings surroundings, StoreInspection store, bool json, CancellationToken cancellationToken)
    {
        var output = surroundings.Out;
        var bytes = Directory.EnumerateFiles(store.Folder).Sum(static file => new FileInfo(file).Length);
        var replicas = store.ListReplicas();
        var records = store.ListRecords().Count;
        if (json)
        {
            JsonLine.Write(output, writer =>
            {
                StoreJson.WriteStore(writer, store);
                writer.WriteNumber("bytes", bytes);
                writer.WriteNumber("replicas", replicas.Count);
                writer.WriteNumber("records", records);
            });
        }
        else
        {
            output.WriteLine($"store {store.Identity.StoreId} of cluster {store.Identity.ClusterId}, layout version {store.LayoutVersion}");
            output.WriteLine($"{bytes} bytes, {replicas.Count} replicas, {records} records");
        }

        var exitCode = ExitCode.Done;
        foreach (var name in replicas)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                Tell(output, json, store.Describe(name));
            }
            catch (StoreCorruptedException exception)
            {
                // The others can be described all the same.
                surroundings.Error.WriteLine($"multidc: {exception.Message}");
                exitCode = ExitCode.StoreDamaged;
            }
        }

        return exitCode;
    }

    private static void Tell(TextWriter output, bool json, StoredReplica replica)
    {
        if (json)
        {
            JsonLine.Write(output, writer => StoreJson.WriteReplica(writer, replica));
            return;
        }

        var voted = replica.HardState.VotedFor.IsNone ? "nobody" : replica.HardState.VotedFor.ToString();
        output.WriteLine(
            $"{replica.Name}: term {replica.HardState.Term}, voted for {voted}, commit {replica.HardState.Commit}, applied {replica.Applied}, "
            + $"log after {replica.LogStart.LastIncluded} up to {replica.LastIndex}, members {string.Join(' ', replica.LogStart.Configuration.Members)} at its start, epoch {replica.Epoch}, slot {replica.Slot}");
    }
}
