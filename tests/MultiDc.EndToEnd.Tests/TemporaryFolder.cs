namespace MultiDc.EndToEnd.Tests;

/// <summary>A folder that is gone when the test has passed; a failed test leaves it for examination.</summary>
internal sealed class TemporaryFolder
{
    public string Path { get; } = Directory.CreateTempSubdirectory("multidc-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Delete() => Directory.Delete(Path, recursive: true);
}
