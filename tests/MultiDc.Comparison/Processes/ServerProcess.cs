using System.Globalization;

namespace MultiDc.Comparison.Processes;

/// <summary>What /proc tells of a server on this machine: a process, and those that it started and that are still there.</summary>
internal static class ServerProcess
{
    // Of the times in /proc, whatever the kernel counts in (USER_HZ, part of Linux' interface).
    private const int TicksPerSecond = 100;

    /// <summary>User and kernel time of the process and all its children, also of those that have ended.</summary>
    public static TimeSpan ReadProcessorTime(int processId) => ProcessorTimeOf(processId, ReadAll());

    /// <summary>Bytes that went to disk, by <c>write_bytes</c> of /proc/PID/io, of the process alone. Null: not told.</summary>
    public static long? ReadDiskBytes(int processId)
    {
        const string name = "write_bytes:";
        var line = File.ReadLines($"/proc/{processId}/io").FirstOrDefault(static line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null ? null : long.Parse(line.AsSpan(name.Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
    }

    /// <summary>A line of /proc/PID/stat.</summary>
    public static ProcessStat Parse(string line)
    {
        // The second field is the program's name in parentheses, and may hold anything.
        var fields = line[(line.LastIndexOf(')') + 2)..].Split(' ');
        return new(
            int.Parse(line.AsSpan(0, line.IndexOf(' ')), CultureInfo.InvariantCulture),
            int.Parse(fields[1], CultureInfo.InvariantCulture),
            Ticks(11) + Ticks(12),
            Ticks(13) + Ticks(14));

        long Ticks(int field) => long.Parse(fields[field], CultureInfo.InvariantCulture);
    }

    /// <summary>The same of processes that were read already.</summary>
    public static TimeSpan ProcessorTimeOf(int processId, IReadOnlyCollection<ProcessStat> all)
    {
        var server = all.FirstOrDefault(each => each.Id == processId) ?? throw new InvalidOperationException($"there is no process {processId}");
        var ticks = server.OwnTicks + server.EndedChildrenTicks + all.Where(each => each.Parent == processId).Sum(static each => each.OwnTicks + each.EndedChildrenTicks);
        return TimeSpan.FromSeconds(ticks / (double)TicksPerSecond);
    }

    private static List<ProcessStat> ReadAll()
    {
        var all = new List<ProcessStat>();
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(static folder => int.TryParse(Path.GetFileName(folder), out _)))
        {
            try
            {
                all.Add(Parse(File.ReadAllText(Path.Combine(folder, "stat"))));
            }
            catch (IOException) when (!Directory.Exists(folder))
            {
                // It has ended since; its parent has its times.
            }
        }

        return all;
    }
}

/// <summary>What a line of /proc/PID/stat tells, as far as it is asked for here. Times are clock ticks.</summary>
internal sealed record ProcessStat(int Id, int Parent, long OwnTicks, long EndedChildrenTicks);
