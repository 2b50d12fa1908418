namespace MultiDc.Storage.Tests;

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("multidc-store-").FullName;
    private int next;

    /// <summary>A path in it that does not exist yet.</summary>
    public string New() => Path.Combine(root, $"{next++}");

    public void Dispose() => Directory.Delete(root, recursive: true);
}
