namespace MultiDc.Raft.Tests;

/// <summary>The cases of the etcd Raft library, replayed by our core. See tests/README.md for where they come from.</summary>
public sealed class EtcdRaftTests
{
    public static TheoryData<string> QuorumFiles => EtcdRaftCases.Names("quorum");

    public static TheoryData<string> ConfigurationChangeFiles => EtcdRaftCases.Names("confchange");

    [EtcdRaftTheory("quorum")]
    [MemberData(nameof(QuorumFiles))]
    public void Quorum(string file) => Replay(EtcdRaftCases.PathOf("quorum", file), QuorumCases.Answer);

    [EtcdRaftTheory("confchange")]
    [MemberData(nameof(ConfigurationChangeFiles))]
    public void Configuration_change(string file) => Replay(EtcdRaftCases.PathOf("confchange", file), new ConfigurationChangeCases().Answer);

    private static void Replay(string path, Func<Directive, string> answer)
    {
        var directives = CaseFile.Read(path);
        Assert.NotEmpty(directives);
        Assert.All(directives, directive => Assert.Equal(directive.Expected, answer(directive)));
    }
}
