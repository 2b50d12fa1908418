using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace MultiDc.Storage;

/// <summary>
/// Holds the data folder for one store. RocksDB's own <c>LOCK</c> file does so too, until somebody takes it for stale and deletes it under a
/// paused process; the folder itself cannot be deleted without its contents. Ends with the process, however that ends.
/// </summary>
internal sealed partial class FolderLock : IDisposable
{
    private const int ReadOnly = 0;
    private const int SharedWithoutWaiting = 1 | 4;
    private const int ExclusiveWithoutWaiting = 2 | 4;
    private const int Unlocked = 8;

    private static readonly ConcurrentDictionary<string, bool> HeldHere = new();

    private readonly string folder;
    private readonly int descriptor;
    private int disposed;

    private FolderLock(string folder, int descriptor)
    {
        this.folder = folder;
        this.descriptor = descriptor;
    }

    /// <summary>Takes the lock on a folder that exists.</summary>
    /// <exception cref="StoreOpenException">Somebody else has it.</exception>
    public static FolderLock Take(string path) => Take(path, ExclusiveWithoutWaiting);

    /// <summary>Takes the lock as one of several who only read.</summary>
    /// <exception cref="StoreOpenException">A store has it.</exception>
    public static FolderLock TakeShared(string path) => Take(path, SharedWithoutWaiting);

    private static FolderLock Take(string path, int operation)
    {
        var folder = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
        {
            // There a file that is open cannot be deleted: RocksDB's lock is enough.
            return new FolderLock(folder, -1);
        }

        // Closed by exec: a child process must not go on holding it.
        var closeOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;
        var descriptor = DurableDirectory.Open(folder, ReadOnly | closeOnExec);
        if (descriptor < 0)
        {
            throw new StoreOpenException(
                $"data folder {path} cannot be written or read: check its rights and the disk ({Marshal.GetLastPInvokeErrorMessage()})");
        }

        if (Lock(descriptor, operation) == 0)
        {
            if (operation == ExclusiveWithoutWaiting)
            {
                HeldHere[folder] = true;
            }

            return new FolderLock(folder, descriptor);
        }

        var problem = Marshal.GetLastPInvokeErrorMessage();
        _ = DurableDirectory.Close(descriptor);
        throw new StoreOpenException(HeldHere.ContainsKey(folder)
            ? $"data folder {path} is already open in this process: open one store per folder"
            : $"data folder {path} is in use by another process: stop that one, or name another folder ({problem})");
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) == 0 && descriptor >= 0)
        {
            HeldHere.TryRemove(folder, out _);
            // A process that is just being started has a copy of the descriptor until it executes its program, and would go on holding the lock.
            _ = Lock(descriptor, Unlocked);

            // The lock goes with the descriptor, also when close says that something else went wrong.
            _ = DurableDirectory.Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(int descriptor, int operation);
}
