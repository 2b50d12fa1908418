namespace MultiDc.Raft.Tests;

/// <summary>Whether the replay would notice: a script of our own, and what is seen when its trace tells something else.</summary>
public sealed class InteractionReplayTests
{
    private const string Script = """
        log-level info
        ----
        ok

        add-nodes 2 voters=(1,2) learners=(3) index=4
        ----
        INFO 1 switched to configuration voters=(1 2) learners=(3)
        INFO 1 became follower at term 0
        INFO 2 switched to configuration voters=(1 2) learners=(3)
        INFO 2 became follower at term 0

        campaign 2
        ----
        INFO 2 is starting a new election at term 0
        INFO 2 became candidate at term 1

        stabilize
        ----
        > 2 handling Ready
          Ready MustSync=true:
          Lead:0 State:StateCandidate
          HardState Term:1 Vote:2 Commit:4
          Messages:
          2->1 MsgVote Term:1 Log:1/4
        > 1 receiving messages
          2->1 MsgVote Term:1 Log:1/4
          INFO 1 became follower at term 1
        > 1 handling Ready
          Ready MustSync=true:
          HardState Term:1 Vote:2 Commit:4
        > 2 receiving messages
          1->2 MsgVoteResp Term:1 Log:0/0
          INFO 2 became leader at term 1
        > 2 handling Ready
          Ready MustSync=true:
          Lead:2 State:StateLeader
        > 1 handling Ready
          Ready MustSync=false:
          Lead:2 State:StateFollower
          HardState Term:1 Vote:2 Commit:5
        > 2 handling Ready
          Ready MustSync=false:
          HardState Term:1 Vote:2 Commit:5

        propose 2 hello
        ----
        ok

        process-ready 2
        ----
        Ready MustSync=true:
        Entries:
        1/6 EntryNormal "hello"

        raft-log 2
        ----
        1/5 EntryNormal ""
        1/6 EntryNormal "hello"

        status 2
        ----
        1: StateReplicate match=5 next=7 inflight=1
        2: StateReplicate match=6 next=7
        3: StateProbe match=0 next=5 learner paused

        raft-state
        ----
        1: StateFollower (Voter) Term:1 Lead:2
        2: StateLeader (Voter) Term:1 Lead:2
        """;

    [Fact]
    public void A_trace_of_what_happens_agrees()
    {
        var replayed = Replay(Script);
        Assert.Equal("", Print(replayed));
        Assert.True(replayed.Skip(1).All(it => it.Facts > 0), "there was nothing to compare");
    }

    [Theory]
    [InlineData("INFO 2 became candidate at term 1", "INFO 2 became candidate at term 2", "3: 2 term")]
    [InlineData("INFO 2 became candidate at term 1", "INFO 2 became pre-candidate at term 1", "3: 2 role")]
    [InlineData("HardState Term:1 Vote:2 Commit:5\n\n", "HardState Term:1 Vote:2 Commit:6\n\n", "4: 2 commit, 5: 2 commit")]
    [InlineData("HardState Term:1 Vote:2 Commit:5\n>", "HardState Term:1 Vote:1 Commit:5\n>", "4: 1 vote, 5: 1 vote, 6: 1 vote, 7: 1 vote, 8: 1 vote, 9: 1 vote")]
    [InlineData("Lead:2 State:StateFollower", "Lead:1 State:StateFollower", "4: 1 leader, 5: 1 leader, 6: 1 leader, 7: 1 leader, 8: 1 leader")]
    [InlineData("configuration voters=(1 2) learners=(3)\nINFO 2 became", "configuration voters=(1 2)\nINFO 2 became",
        "2: 2 configuration, 3: 2 configuration, 4: 2 configuration, 5: 2 configuration, 6: 2 configuration, 7: 2 configuration, 8: 2 configuration, 9: 2 configuration")]
    [InlineData("1/5 EntryNormal \"\"\n1/6 EntryNormal \"hello\"", "1/5 EntryNormal \"\"\n1/6 EntryNormal \"hullo\"", "7: 2 log")]
    [InlineData("1/5 EntryNormal \"\"\n1/6", "1/4 EntryNormal \"\"\n1/6", "7: 2 log")]
    [InlineData("learner paused", "paused", "8: 2 members")]
    [InlineData("1: StateFollower (Voter)", "1: StateFollower (Non-Voter)", "9: 1 voting")]
    [InlineData("2: StateLeader (Voter)", "2: StateCandidate (Voter)", "9: 2 role")]
    [InlineData("Lead:2\n2:", "Lead:1\n2:", "9: 1 leader")]
    public void A_trace_that_tells_something_else_differs(string told, string instead, string differs)
    {
        var script = Script.Replace("\n  HardState", "\nHardState", StringComparison.Ordinal);
        Assert.Contains(told, script, StringComparison.Ordinal);
        var replayed = Replay(script.Replace(told, instead, StringComparison.Ordinal));
        Assert.Equal(differs, Print(replayed));
        Assert.DoesNotContain(replayed.SelectMany(it => it.Differences), difference => difference.Cause is not null);
    }

    [Fact]
    public void What_is_hidden_is_not_compared()
    {
        var replayed = Replay(Script.Replace("log-level info", "log-level none", StringComparison.Ordinal).Replace("at term 1", "at term 7", StringComparison.Ordinal));
        Assert.Equal("", Print(replayed));
        Assert.Equal([0, 12, 0, 0, 0, 0, 0, 0, 0], replayed.Select(it => it.Facts));
    }

    private static string Print(IEnumerable<ReplayedDirective> replayed) => string.Join(", ", replayed
        .SelectMany(it => it.Differences, (it, difference) => $"{it.Directive.Number}: {difference.Replica} {difference.What}"));

    private static List<ReplayedDirective> Replay(string script)
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, script);
        var replayed = InteractionReplay.Run(path);
        File.Delete(path);
        return replayed;
    }
}
