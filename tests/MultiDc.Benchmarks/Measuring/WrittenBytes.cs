using System.Globalization;

namespace MultiDc.Benchmarks.Measuring;

/// <summary>
/// What was written to disk so far. By this process: <c>write_bytes</c> of /proc/self/io, pages that became dirty, without the file
/// system's own journal. To the device: sectors of /sys/dev/block, everybody's, the journal's too. Null where the system does not tell.
/// </summary>
internal readonly record struct WrittenBytes(long? Process, long? Device)
{
    public static WrittenBytes Now(string folder) => new(OfProcess(), OfDevice(folder));

    public static WrittenBytes operator -(WrittenBytes after, WrittenBytes before) => new(after.Process - before.Process, after.Device - before.Device);

    private static long? OfProcess()
    {
        const string path = "/proc/self/io";
        return File.Exists(path) && File.ReadLines(path).FirstOrDefault(static line => line.StartsWith("write_bytes:", StringComparison.Ordinal)) is { } line
            ? long.Parse(line.AsSpan("write_bytes:".Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture)
            : null;
    }

    private static long? OfDevice(string folder)
    {
        const int sectorsWritten = 6;
        const int sectorBytes = 512;
        return DeviceOf(Path.GetFullPath(folder)) is { } device && $"/sys/dev/block/{device}/stat" is var path && File.Exists(path)
            ? long.Parse(File.ReadAllText(path).Split(' ', StringSplitOptions.RemoveEmptyEntries)[sectorsWritten], CultureInfo.InvariantCulture) * sectorBytes
            : null;
    }

    /// <summary>The major:minor of the longest mount point that the folder is below.</summary>
    private static string? DeviceOf(string folder)
    {
        const string mounts = "/proc/self/mountinfo";
        const int device = 2;
        const int mountPoint = 4;
        return !File.Exists(mounts) ? null : File.ReadLines(mounts)
            .Select(static line => line.Split(' '))
            .Where(fields => IsBelow(folder, fields[mountPoint]))
            .OrderBy(fields => fields[mountPoint].Length)
            .LastOrDefault()?[device];
    }

    private static bool IsBelow(string folder, string mountPoint) =>
        mountPoint == "/" || folder == mountPoint || folder.StartsWith($"{mountPoint}/", StringComparison.Ordinal);
}
