namespace MultiDc.Storage;

/// <summary>
/// Keeps a store's folder stopped while it is looked at: refuses one that is in use, and holds shared locks on the folder and on RocksDB's
/// <c>LOCK</c>, which several readers may hold, and with which no store opens. Nothing is written.
/// </summary>
internal sealed class StoppedFolder : IDisposable
{
    private readonly FolderLock folderLock;
    private readonly FileStream? held;

    private StoppedFolder(FolderLock folderLock, FileStream? held) => (this.folderLock, this.held) = (folderLock, held);

    /// <exception cref="StoreOpenException">It is no store's folder, is in use, or cannot be read.</exception>
    public static StoppedFolder Hold(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new StoreOpenException(File.Exists(folder) ? $"data folder {folder} is a file: name a store's folder" : $"data folder {folder} does not exist");
        }

        try
        {
            var realFolder = RealFolder(folder);
            if (IsOpenInThisProcess(Path.Combine(realFolder, "LOCK")))
            {
                throw new StoreOpenException($"data folder {folder} is in use by this process: close the store first");
            }

            var folderLock = FolderLock.TakeShared(realFolder);
            try
            {
                return new(folderLock, Lock(folder, Path.Combine(realFolder, "LOCK")));
            }
            catch
            {
                folderLock.Dispose();
                throw;
            }
        }
        catch (FileNotFoundException exception)
        {
            throw new StoreOpenException($"data folder {folder} holds no store: it has no file CURRENT", exception);
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException and not StoreOpenException)
        {
            throw new StoreOpenException($"data folder {folder} cannot be read: check its rights and the disk ({exception.Message})", exception);
        }
    }

    public void Dispose()
    {
        held?.Dispose();
        folderLock.Dispose();
    }

    /// <summary>A store's folder, links resolved.</summary>
    private static string RealFolder(string folder)
    {
        using var current = Open(Path.Combine(folder, "CURRENT"));
        return OperatingSystem.IsLinux() && new FileInfo($"/proc/self/fd/{current.SafeFileHandle.DangerousGetHandle()}").LinkTarget is { } target
            ? Path.GetDirectoryName(target)!
            : Path.GetFullPath(folder);
    }

    /// <summary>
    /// Locks of POSIX belong to a process and go with the first descriptor of the file that it closes: in the process of a store that is
    /// open, <c>LOCK</c> must not even be opened.
    /// </summary>
    private static bool IsOpenInThisProcess(string file) =>
        OperatingSystem.IsLinux() && Directory.EnumerateFileSystemEntries("/proc/self/fd").Any(descriptor => new FileInfo(descriptor).LinkTarget == file);

    private static FileStream? Lock(string folder, string file)
    {
        // A copy of a folder may lack it, and then nobody can have it open.
        if (!File.Exists(file))
        {
            return null;
        }

        FileStream? opened = null;
        try
        {
            opened = Open(file);
            if (!OperatingSystem.IsMacOS())
            {
                opened.Lock(0, 1);
            }

            return opened;
        }
        catch (IOException exception)
        {
            opened?.Dispose();
            throw new StoreOpenException($"data folder {folder} is in use by another process: stop that one first ({exception.Message})", exception);
        }
    }

    private static FileStream Open(string file) => new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
}
