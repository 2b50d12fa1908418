namespace MultiDc.Raft.Tests;

/// <summary>The cases of the etcd Raft library, replayed by our core. See tests/README.md for where they come from.</summary>
public sealed class EtcdRaftTests
{
    public static TheoryData<string> QuorumFiles => EtcdRaftCases.Names("quorum");

    public static TheoryData<string> ConfigurationChangeFiles => EtcdRaftCases.Names("confchange");

    public static TheoryData<string> InteractionFiles => EtcdRaftCases.Names("interaction");

    [EtcdRaftTheory("quorum")]
    [MemberData(nameof(QuorumFiles))]
    public void Quorum(string file) => Replay("quorum", file, QuorumCases.Answer);

    [EtcdRaftTheory("confchange")]
    [MemberData(nameof(ConfigurationChangeFiles))]
    public void Configuration_change(string file) => Replay("confchange", file, new ConfigurationChangeCases().Answer);

    /// <summary>In a file that the table knows, exactly what it says differs; in any other, only what a known cause explains.</summary>
    [EtcdRaftTheory("interaction")]
    [MemberData(nameof(InteractionFiles))]
    public void Interaction(string file)
    {
        var replayed = InteractionReplay.Run(EtcdRaftCases.PathOf("interaction", file));
        Assert.NotEmpty(replayed);
        var table = new DifferenceTable();
        if (SourceFolder.Rewrite)
        {
            table.Rewrite(file, replayed);
            table = new DifferenceTable();
        }

        if (table.Knows(file, replayed))
        {
            Assert.Equal(table.Expected(file), DifferenceTable.Actual(file, replayed));
        }

        Assert.DoesNotContain("UNEXPLAINED", DifferenceTable.Actual(file, replayed), StringComparison.Ordinal);
    }

    [EtcdRaftFact("interaction")]
    public void Nine_in_ten_interaction_directives_agree()
    {
        var replayed = EtcdRaftCases.Files("interaction").SelectMany(InteractionReplay.Run).ToList();
        Assert.InRange(replayed.Count(it => it.Differences.Count == 0), 0.9 * replayed.Count, replayed.Count);
    }

    [Fact]
    public void Every_cause_has_its_reason_in_the_table() => Assert.Equal(DifferenceCauses.Names, new DifferenceTable().Causes);

    [Fact]
    public void Figures() => File.WriteAllText(Path.Combine(AppContext.BaseDirectory, "etcd-raft.report.txt"), EtcdRaftReport.Write());

    private static void Replay(string kind, string file, Func<Directive, string> answer)
    {
        var directives = CaseFile.Read(EtcdRaftCases.PathOf(kind, file));
        Assert.NotEmpty(directives);
        Assert.All(directives, directive => Assert.Equal(directive.Expected, answer(directive)));
    }
}
