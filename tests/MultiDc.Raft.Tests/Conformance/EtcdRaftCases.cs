namespace MultiDc.Raft.Tests;

/// <summary>
/// Where the cases of the etcd Raft library are. They are another project's and not part of this repository. The folder has the sub-folders
/// <c>quorum</c>, <c>confchange</c> and <c>interaction</c> with *.txt files in them; in the other project's own checkout the last is <c>testdata</c>.
/// </summary>
internal static class EtcdRaftCases
{
    public const string Variable = "MULTIDC_ETCD_RAFT_CASES";

    public static string Folder { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } told
        ? Path.GetFullPath(told)
        : Path.GetFullPath(Path.Combine(SourceFolder.Of("."), "..", "..", "..", "shared", "conformance", "etcd-raft"));

    public static IEnumerable<string> Files(string kind) => Directory.Exists(FolderOf(kind))
        ? Directory.EnumerateFiles(FolderOf(kind), "*.txt", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        : [];

    /// <summary>A file by the path within its kind's folder.</summary>
    public static string PathOf(string kind, string name) => Path.Combine(FolderOf(kind), name);

    public static TheoryData<string> Names(string kind) => [.. Files(kind).Select(path => Path.GetRelativePath(FolderOf(kind), path))];

    public static string? WhyNothingIsReplayed(string kind) => Files(kind).Any() ? null
        : $"replayed nothing: no {kind}/*.txt in {Folder}. They are in the public repository "
            + $"github.com/etcd-io/raft; set {Variable} to a checkout of it, or to a folder with quorum/, confchange/ and interaction/.";

    private static string FolderOf(string kind)
    {
        var folder = Path.Combine(Folder, kind);
        return kind == "interaction" && !Directory.Exists(folder) ? Path.Combine(Folder, "testdata") : folder;
    }
}

/// <summary>One test per case file of a kind, or one that is skipped and says so when there are none.</summary>
internal sealed class EtcdRaftTheoryAttribute : TheoryAttribute
{
    public EtcdRaftTheoryAttribute(string kind) => Skip = EtcdRaftCases.WhyNothingIsReplayed(kind);
}

/// <summary>One test over all case files of a kind, skipped when there are none.</summary>
internal sealed class EtcdRaftFactAttribute : FactAttribute
{
    public EtcdRaftFactAttribute(string kind) => Skip = EtcdRaftCases.WhyNothingIsReplayed(kind);
}
