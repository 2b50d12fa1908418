using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MultiDc.Benchmarks.Measuring;

/// <summary>Makes files cold, so that a recovery reads them from the disk as after a start of the machine. Touches no other files.</summary>
internal static partial class PageCache
{
    private const int DontNeed = 4;

    public static void Drop(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);

            // Only what is clean can be dropped.
            if (FDataSync(file) != 0 || Advise(file, 0, 0, DontNeed) != 0)
            {
                throw new IOException($"{path} cannot be dropped from the page cache");
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "posix_fadvise", SetLastError = true)]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);
}
