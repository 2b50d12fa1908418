using System.Globalization;

namespace MultiDc.Benchmarks.Measuring;

/// <summary>Resident memory of this process, in MiB, from /proc/self/status.</summary>
internal readonly record struct ProcessMemory(double ResidentMiB, double AnonymousMiB, double PeakMiB)
{
    public static ProcessMemory Now()
    {
        var lines = File.ReadAllLines("/proc/self/status");
        return new(Read("VmRSS:"), Read("RssAnon:"), Read("VmHWM:"));

        double Read(string name) =>
            double.Parse(lines.First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..^"kB".Length], NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) / 1024;
    }
}
