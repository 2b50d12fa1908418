namespace MultiDc.Raft.Tests;

/// <summary>What the quorum and configuration-change cases print, without any case file.</summary>
public sealed class CaseAnswerTests
{
    [Fact]
    public void A_quorum_is_drawn_with_a_bar_for_each_voter_that_is_behind()
    {
        Assert.Equal(
            "       idx\nxx>     30    (id=1)\n?        0    (id=2)\nx>      20    (id=a)\n20\n", Quorum("committed cfg=(1,2,10) idx=(30,_,20)"));
        Assert.Equal("      idx\n>      20    (id=1)\n>      20    (id=2)\n20\n", Quorum("committed cfg=(1) cfgj=(2) idx=(20,20)"));
        Assert.Equal("<empty majority quorum>∞\n", Quorum("committed"));
        Assert.Equal("VoteLost\n", Quorum("vote cfg=(1,2) cfgj=(2,3) votes=(y,y,n)"));
        Assert.Equal("error: mismatched input (explicit or _) for voters map[1:{} 2:{}]: [2]\n", Quorum("vote cfg=(1,2) votes=(y)"));
    }

    [Fact]
    public void Who_is_removed_and_comes_back_starts_anew_and_who_is_demoted_does_not()
    {
        var cases = new ConfigurationChangeCases();
        Assert.Equal("voters=(1)\n1: StateProbe match=0 next=1\n", Change("simple", "v1"));
        Assert.Equal("voters=(1 2)\n1: StateProbe match=0 next=1\n2: StateProbe match=0 next=1\n", Change("simple", "v2"));
        Assert.Equal("voters=(1 2)\n1: StateProbe match=0 next=1\n2: StateProbe match=0 next=2\n", Change("simple", "r2 v2"));
        Assert.Equal("voters=(1 2)&&(1 2)\n1: StateProbe match=0 next=1\n2: StateProbe match=0 next=2\n", Change("enter-joint", "r2 v2"));
        Assert.Equal("voters=(1 2)\n1: StateProbe match=0 next=1\n2: StateProbe match=0 next=2\n", Change("leave-joint", ""));
        Assert.Equal("voters=(1) learners=(2)\n1: StateProbe match=0 next=1\n2: StateProbe match=0 next=2 learner\n", Change("simple", "l2 u2 v0"));
        Assert.Equal("unknown token v\n", Change("simple", "v"));
        Assert.Equal("unknown input: x1\n", Change("simple", "x1"));
        Assert.Equal("this command takes no input\n", Change("leave-joint", "v1"));

        string Change(string command, string input) => cases.Answer(new Directive(1, command, [], input, ""));
    }

    private static string Quorum(string line)
    {
        var (command, arguments) = CaseFile.Parse(line);
        return QuorumCases.Answer(new Directive(1, command, arguments, "", ""));
    }
}
