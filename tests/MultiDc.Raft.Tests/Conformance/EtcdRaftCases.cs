namespace MultiDc.Raft.Tests;

/// <summary>
/// Where the cases of the etcd Raft library are. They are another project's and not part of this repository. The folder has the sub-folders
/// <c>quorum</c>, <c>confchange</c> and <c>interaction</c> with *.txt files in them.
/// </summary>
internal static class EtcdRaftCases
{
    public const string Variable = "MULTIDC_ETCD_RAFT_CASES";

    public static string Folder { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } told
        ? Path.GetFullPath(told)
        : Path.GetFullPath(Path.Combine(SourceFolder.Of("."), "..", "..", "..", "shared", "conformance", "etcd-raft"));

    public static IEnumerable<string> Files(string kind) => Directory.Exists(Path.Combine(Folder, kind))
        ? Directory.EnumerateFiles(Path.Combine(Folder, kind), "*.txt", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        : [];

    /// <summary>A file by the path within its kind's folder.</summary>
    public static string PathOf(string kind, string name) => Path.Combine(Folder, kind, name);

    public static TheoryData<string> Names(string kind) => [.. Files(kind).Select(path => Path.GetRelativePath(Path.Combine(Folder, kind), path))];

    public static string? WhyNothingIsReplayed(string kind) => Files(kind).Any() ? null
        : $"replayed nothing: no {kind}/*.txt in {Folder}. The cases are the testdata folders of the public repository github.com/etcd-io/raft; "
            + $"set {Variable} to a folder that holds them as quorum/, confchange/ and interaction/.";
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
