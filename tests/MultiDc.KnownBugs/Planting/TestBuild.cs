namespace MultiDc.KnownBugs;

/// <summary>
/// A copy of the product, the simulator and the test projects that show bugs, with all bugs planted and asleep: the environment variable
/// <see cref="ActiveVariable"/> of a process wakes one. Copied and built again only where something has changed.
/// </summary>
internal sealed class TestBuild(Repository repository, IReadOnlyList<KnownBugFile> bugs)
{
    public const string ActiveVariable = "MULTIDC_KNOWN_BUG";

    private const string SimulationProject = "tests/MultiDc.Simulation";

    private const string KnownBugClass = $$"""
        namespace MultiDc.Raft;

        /// <summary>Which known bug this process has, if any. Only in the test build.</summary>
        public static class KnownBug
        {
            private static readonly string? Active = System.Environment.GetEnvironmentVariable("{{ActiveVariable}}");

            public static bool Is(string id) => id == Active;
        }

        """;

    private static readonly string[] Everything =
    [
        "global.json", ".editorconfig", "Directory.Build.props", "Directory.Packages.props", "tests/Directory.Build.props", "src", SimulationProject, "tests/MultiDc.Testing",
    ];

    public string Folder => repository.TestBuildFolder;

    /// <summary>The simulator's program.</summary>
    public string Simulator => Path.Combine(Folder, "tests", "MultiDc.Simulation", "bin", "Release", "net10.0", "MultiDc.Simulation.dll");

    private IEnumerable<string> TestProjects => bugs.Select(static bug => bug.TestProject).OfType<string>().Distinct();

    /// <summary>Brings the copy up to date and builds it: the simulator and, unless told otherwise, the tests that show bugs.</summary>
    public async Task MakeAsync(TextWriter output, bool withTests = true)
    {
        if (PlantedSources.FindDrift(repository, bugs) is { Count: > 0 } drifted)
        {
            throw new KnownBugException(string.Join('\n', drifted));
        }

        Copy();
        foreach (var project in TestProjects.Where(_ => withTests).Prepend(SimulationProject))
        {
            output.WriteLine($"building {project} with {bugs.Count} bugs");
            var (code, said) = await Child.RunAsync(
                "dotnet",
                [
                    "build", Path.Combine(Folder, project), "--configuration", "Release", "--verbosity", "quiet", "--nologo", "-clp:NoSummary",
                    "-p:RestoreLockedMode=true", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false", "-p:GenerateDocumentationFile=false", "-p:UseSharedCompilation=false",
                ],
                Folder);
            if (code != 0)
            {
                throw new KnownBugException($"the test build does not compile:\n{said}");
            }
        }
    }

    private void Copy()
    {
        var planted = PlantedSources.Plant(repository, bugs);
        var wanted = new HashSet<string>();
        foreach (var file in Everything.Concat(TestProjects).Distinct().SelectMany(FilesOf))
        {
            wanted.Add(file);
            if (planted.TryGetValue(file, out var text))
            {
                WriteIfOther(file, text);
            }
            else
            {
                CopyIfNewer(file);
            }
        }

        const string KnownBugFile = "src/MultiDc.Raft/KnownBug.cs";
        wanted.Add(KnownBugFile);
        WriteIfOther(KnownBugFile, KnownBugClass);
        foreach (var gone in FilesBelow(Folder).Where(file => !wanted.Contains(file)).ToArray())
        {
            File.Delete(Path.Combine(Folder, gone));
        }
    }

    private IEnumerable<string> FilesOf(string path)
    {
        var full = repository.PathOf(path);
        return File.Exists(full) ? [path] : FilesBelow(full).Select(file => $"{path}/{file}");
    }

    /// <summary>All files below a folder that no build made, by their paths from it.</summary>
    private static IEnumerable<string> FilesBelow(string folder) => Directory
        .EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None })
        .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
        .Where(static file => !file.Split('/').Any(static part => part is "bin" or "obj" or "TestResults"));

    private void WriteIfOther(string file, string text)
    {
        var copy = Prepare(file);
        if (!File.Exists(copy) || File.ReadAllText(copy) != text)
        {
            File.WriteAllText(copy, text);
        }
    }

    private void CopyIfNewer(string file)
    {
        var (original, copy) = (repository.PathOf(file), Prepare(file));
        if (!File.Exists(copy) || !File.ReadAllBytes(original).AsSpan().SequenceEqual(File.ReadAllBytes(copy)))
        {
            File.Copy(original, copy, overwrite: true);
            File.SetLastWriteTimeUtc(copy, TimeProvider.System.GetUtcNow().UtcDateTime);
        }
    }

    private string Prepare(string file)
    {
        var copy = Path.Combine(Folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        return copy;
    }
}
