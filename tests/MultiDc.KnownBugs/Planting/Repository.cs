namespace MultiDc.KnownBugs;

/// <summary>The checkout that this program was built from. Nothing in it is ever changed but this project's own output and bug files.</summary>
internal sealed class Repository
{
    private Repository(string root) => Root = root;

    public string Root { get; }

    /// <summary>Where the test build lives: among this project's output, which no build looks into.</summary>
    public string TestBuildFolder => Path.Combine(Root, "tests", "MultiDc.KnownBugs", "bin", "test-build");

    /// <summary>Where the table stands.</summary>
    public string Readme => PathOf("tests/README.md");

    public static Repository Find()
    {
        for (var folder = Path.GetDirectoryName(AppContext.BaseDirectory); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "MultiDc.sln")))
            {
                return new(folder);
            }
        }

        throw new KnownBugException($"{AppContext.BaseDirectory} is not in a checkout");
    }

    public string PathOf(string fromRoot) => Path.Combine(Root, Path.Combine(fromRoot.Split('/')));
}
