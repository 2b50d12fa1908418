using System.Globalization;
using System.Runtime.InteropServices;

namespace MultiDc.Host.Running;

/// <summary>
/// Lets no thread of this process preempt another because it was woken (Linux: SCHED_BATCH, sched(7)); their shares stay as they are. Each message of a silo passes from thread to thread, and
/// where there are more of them than processors, whoever was passed a message first interrupted those who were about to send more of them in the same parcel, or write them with the same flush.
/// </summary>
internal static partial class BatchScheduling
{
    private const int Batch = 3;
    private const int NoSuchThread = 3;

    /// <summary>Sets it for all threads there are; those they start have it from them.</summary>
    /// <returns>Why it could not; null: it is set, or the system has no such thing.</returns>
    public static string? Use()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        var parameters = default(SchedulingParameters);
        foreach (var thread in Directory.EnumerateDirectories("/proc/self/task"))
        {
            if (SetScheduler(int.Parse(Path.GetFileName(thread), CultureInfo.InvariantCulture), Batch, ref parameters) != 0 && Marshal.GetLastPInvokeError() is var error and not NoSuchThread)
            {
                return Marshal.GetPInvokeErrorMessage(error);
            }
        }

        return null;
    }

    [LibraryImport("libc", EntryPoint = "sched_setscheduler", SetLastError = true)]
    private static partial int SetScheduler(int thread, int policy, ref SchedulingParameters parameters);

    [StructLayout(LayoutKind.Sequential)]
    private struct SchedulingParameters
    {
        public int Priority;
    }
}
