using Microsoft.Extensions.Logging;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>An open database, the hold on its folder, whose it is, and the first slot no replica has.</summary>
internal sealed record OpenedFolder(StoreDatabase Database, FolderLock Lock, StoreIdentity Identity, uint NextSlot);

/// <summary>Opens the data folder, and says in one sentence what is wrong when it cannot.</summary>
internal static class StoreFolder
{
    /// <param name="options">Where and how.</param>
    /// <param name="backgroundFailed">Told of every error in RocksDB's own threads, on one of them.</param>
    /// <param name="logger">Told what was opened.</param>
    public static OpenedFolder Open(RocksDbReplicaStoreOptions options, Action<RocksDbException> backgroundFailed, ILogger logger)
    {
        CreateFolder(options.Folder);
        var held = FolderLock.Take(options.Folder);
        try
        {
            RequireUndamagedTails(options.Folder);
            return Open(options, held, backgroundFailed, logger);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private static OpenedFolder Open(
        RocksDbReplicaStoreOptions options, FolderLock held, Action<RocksDbException> backgroundFailed, ILogger logger)
    {
        var native = OpenDatabase(options, backgroundFailed);
        try
        {
            var database = new StoreDatabase(native);
            var identity = Identify(database, options, logger);
            StoreLog.Opened(logger, identity.StoreId, identity.ClusterId, options.Folder);
            return new OpenedFolder(database, held, identity, NextSlot(database));
        }
        catch (RocksDbException exception)
        {
            native.Dispose();
            throw new StoreOpenException(Explain(options.Folder, exception.Message), exception);
        }
        catch
        {
            native.Dispose();
            throw;
        }
    }

    private static void CreateFolder(string folder)
    {
        if (File.Exists(folder))
        {
            throw new StoreOpenException($"data folder {folder} is a file: name a folder, or move the file away");
        }

        try
        {
            DurableDirectory.Create(folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StoreOpenException(
                $"data folder {folder} cannot be created: give this user the right to write there, or name another folder ({exception.Message})",
                exception);
        }
    }

    private static void RequireUndamagedTails(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*.log").Concat(Directory.EnumerateFiles(folder, "MANIFEST-*")))
        {
            if (Read(file, folder) is { } offset)
            {
                throw new StoreOpenException(Damaged(folder, $"{Path.GetFileName(file)} at {offset}: acknowledged records follow a broken one"));
            }
        }
    }

    private static long? Read(string file, string folder)
    {
        try
        {
            return DamagedTail.Find(file);
        }
        catch (FileNotFoundException)
        {
            // The process that has the folder open dropped it; opening will say so.
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StoreOpenException(
                $"data folder {folder} cannot be written or read: check its rights and the disk ({exception.Message})", exception);
        }
    }

    private static RocksDb OpenDatabase(RocksDbReplicaStoreOptions options, Action<RocksDbException> backgroundFailed)
    {
        try
        {
            return StoreDatabaseOptions.Open(options, backgroundFailed);
        }
        catch (RocksDbException exception)
        {
            throw new StoreOpenException(Explain(options.Folder, exception.Message), exception);
        }
    }

    /// <summary>RocksDB has only texts to tell its errors apart.</summary>
    private static string Explain(string folder, string problem) => problem switch
    {
        _ when problem.Contains("lock hold by current process", StringComparison.Ordinal) =>
            $"data folder {folder} is already open in this process: open one store per folder",
        _ when problem.Contains("lock file", StringComparison.Ordinal) =>
            $"data folder {folder} is in use by another process: stop that one, or name another folder ({problem})",
        _ when problem.Contains("Column families not opened", StringComparison.Ordinal)
            || problem.Contains("Column family not found", StringComparison.Ordinal) =>
            $"data folder {folder} was written by a newer program: open it with that one ({problem})",
        _ when problem.StartsWith("Corruption", StringComparison.Ordinal) =>
            Damaged(folder, problem),
        _ when problem.Contains("No space left on device", StringComparison.Ordinal) =>
            $"data folder {folder} cannot be opened on a full disk: make room and start again, nothing in it is lost ({problem})",
        _ when problem.StartsWith("IO error", StringComparison.Ordinal) =>
            $"data folder {folder} cannot be written or read: check its rights and the disk ({problem})",
        _ => $"data folder {folder} cannot be opened: {problem}",
    };

    private static string Damaged(string folder, string problem) =>
        $"data folder {folder} is damaged: keep it for examination, start with an empty folder and let the replicas be refilled ({problem})";

    private static StoreIdentity Identify(StoreDatabase database, RocksDbReplicaStoreOptions options, ILogger logger)
    {
        if (database.Get(database.Hard, StoreKeys.Identity) is not { } record)
        {
            return Create(database, options, logger);
        }

        if (record.Length > 0 && record[0] > StoreRecords.LayoutVersion)
        {
            throw new StoreOpenException(
                $"data folder {options.Folder} has layout version {record[0]}, this program knows up to {StoreRecords.LayoutVersion}: "
                + "open it with the newer program that wrote it");
        }

        var identity = Decode(record, options.Folder);
        return identity.ClusterId == options.ClusterId
            ? identity
            : throw new StoreOpenException(
                $"data folder {options.Folder} belongs to cluster '{identity.ClusterId}', not to '{options.ClusterId}': "
                + "correct the cluster id, or name another folder");
    }

    private static StoreIdentity Decode(byte[] record, string folder)
    {
        try
        {
            return StoreRecords.DecodeIdentity(record);
        }
        catch (CodecException exception)
        {
            throw new StoreOpenException(Damaged(folder, exception.Message), exception);
        }
    }

    private static StoreIdentity Create(StoreDatabase database, RocksDbReplicaStoreOptions options, ILogger logger)
    {
        if (database.FirstKeyFrom(database.Hard, []) is not null || database.FirstKeyFrom(database.Log, []) is not null)
        {
            throw new StoreOpenException(
                $"data folder {options.Folder} holds replicas, but not whose store it is: it is damaged, or not this program's");
        }

        var identity = new StoreIdentity(options.ClusterId, Guid.NewGuid());
        using var batch = new WriteBatch();
        batch.Put(StoreKeys.Identity, StoreRecords.EncodeIdentity(identity), database.Hard.Handle);
        database.WriteSynced(batch);
        StoreLog.Created(logger, identity.StoreId, identity.ClusterId, options.Folder);
        return identity;
    }

    private static uint NextSlot(StoreDatabase database) =>
        database.LastKeyTo(database.Hard, StoreKeys.AfterReplicas) is { } key && StoreKeys.SlotOfReplica(key) is { } last
            ? checked(last + 1)
            : 0;
}
