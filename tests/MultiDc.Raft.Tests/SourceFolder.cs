namespace MultiDc.Raft.Tests;

/// <summary>The test data beside the sources, found from the build output below them, so that it can be read and rewritten in place.</summary>
internal static class SourceFolder
{
    /// <summary>Whether expectations are to be written instead of compared. Commit such a change only when you know what caused it.</summary>
    public static bool Rewrite => Environment.GetEnvironmentVariable("MULTIDC_REWRITE") == "1";

    public static string Of(string name)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "MultiDc.Raft.Tests.csproj")))
        {
            folder = folder.Parent ?? throw new DirectoryNotFoundException($"no project above {AppContext.BaseDirectory}");
        }

        return Path.Combine(folder.FullName, name);
    }
}
