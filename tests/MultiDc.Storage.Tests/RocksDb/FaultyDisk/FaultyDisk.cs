using System.Diagnostics;

namespace MultiDc.Storage.Tests;

/// <summary>Runs <see cref="FaultyDiskProgram"/> over a disk that fails on request: faultydisk.c, compiled when it is first needed.</summary>
internal static class FaultyDisk
{
    private static readonly Lazy<string> Library = new(Compile);

    /// <summary>Why it cannot be had here; null when it can.</summary>
    public static string? Missing { get; } = OperatingSystem.IsLinux()
        ? Finds("gcc") ? null : "gcc is not installed; tests/run.sh installs it as root"
        : "LD_PRELOAD is Linux's";

    /// <summary>Runs the story in another process; what it printed, line by line, and how it ended.</summary>
    public static async Task<(int Code, string[] Said)> RunAsync(string story, string fault, string folder)
    {
        var control = folder + ".faults";
        using var process = OtherProcess.Start(
            new Dictionary<string, string> { ["LD_PRELOAD"] = Library.Value, [FaultyDiskProgram.ControlVariable] = control },
            "faulty-disk", story, fault, folder);
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static string Compile()
    {
        var library = Path.Combine(AppContext.BaseDirectory, "faultydisk.so");
        var source = Path.Combine(AppContext.BaseDirectory, "RocksDb", "FaultyDisk", "faultydisk.c");
        using var gcc = Process.Start("gcc", ["-shared", "-fPIC", "-O2", "-Wall", "-o", library, source]);
        gcc.WaitForExit();
        return gcc.ExitCode == 0 ? library : throw new InvalidOperationException($"gcc could not compile {source}");
    }

    private static bool Finds(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Any(folder => File.Exists(Path.Combine(folder, program)));
}

/// <summary>A test that needs <see cref="FaultyDisk"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FaultyDiskTheoryAttribute : TheoryAttribute
{
    public FaultyDiskTheoryAttribute() => Skip = FaultyDisk.Missing;
}

/// <summary>A test that needs <see cref="FaultyDisk"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FaultyDiskFactAttribute : FactAttribute
{
    public FaultyDiskFactAttribute() => Skip = FaultyDisk.Missing;
}
