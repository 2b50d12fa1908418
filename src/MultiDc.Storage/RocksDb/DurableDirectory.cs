using System.Runtime.InteropServices;

namespace MultiDc.Storage;

/// <summary>
/// Creates the data folder so that it survives a power loss: a new name in a directory is durable only once the directory itself was
/// synced. RocksDB does that for its own files, but not for the folder it lives in, and the BCL cannot sync a directory.
/// </summary>
internal static partial class DurableDirectory
{
    private const int PermissionDenied = 13;

    // Asked of libc itself, the loader would pass over a library that was put before it, and the tests' faulty disk is one.
    static DurableDirectory() => NativeLibrary.SetDllImportResolver(
        typeof(DurableDirectory).Assembly, static (library, _, _) => library == "libc" ? NativeLibrary.GetMainProgramHandle() : 0);

    /// <summary>
    /// Creates the missing directories of the path and syncs each one's parent. An empty directory counts as just created: a creation that
    /// crashed before its sync leaves one.
    /// </summary>
    public static void Create(string path)
    {
        var missing = new Stack<string>();
        for (var next = Path.GetFullPath(path); !Directory.Exists(next); next = Path.GetDirectoryName(next)!)
        {
            missing.Push(next);
        }

        if (missing.Count == 0 && !Directory.EnumerateFileSystemEntries(path).Any() && Path.GetDirectoryName(Path.GetFullPath(path)) is { } parent)
        {
            SyncIfReadable(parent);
        }

        foreach (var directory in missing)
        {
            Directory.CreateDirectory(directory);
            Sync(Path.GetDirectoryName(directory)!);
        }
    }

    /// <summary>Who may not read the parent did not make the directory: an administrator did, or it is a mount.</summary>
    private static void SyncIfReadable(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = Open(directory, 0);
        if (descriptor >= 0)
        {
            SyncAndClose(descriptor, directory);
        }
        else if (Marshal.GetLastPInvokeError() != PermissionDenied)
        {
            throw Failed("open", directory);
        }
    }

    private static void Sync(string directory)
    {
        // NTFS journals names; Windows has no call for it.
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var descriptor = Open(directory, 0);
        if (descriptor < 0)
        {
            throw Failed("open", directory);
        }

        SyncAndClose(descriptor, directory);
    }

    private static void SyncAndClose(int descriptor, string directory)
    {
        try
        {
            if (FSync(descriptor) != 0)
            {
                throw Failed("fsync", directory);
            }
        }
        finally
        {
            // Read only: nothing is lost when close fails.
            _ = Close(descriptor);
        }
    }

    private static IOException Failed(string call, string directory) =>
        new($"{call} of directory {directory} failed: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    internal static partial int Close(int descriptor);
}
