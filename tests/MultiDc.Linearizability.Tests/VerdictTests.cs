using static MultiDc.Linearizability.Tests.History;

namespace MultiDc.Linearizability.Tests;

public class VerdictTests
{
    [Fact]
    public void A_violation_explains_itself()
    {
        var verdict = LinearizabilityChecker.Check(
        [
            Put(1, "5", 1_000_000_000, 1_200_000_000),
            Put(2, "6", 1_100_000_000, 1_150_000_000),
            Get(3, "6", 1_160_000_000, 1_170_000_000),
            Get(3, "5", 1_250_000_000, 1_260_000_000),
            Put(4, "7", 2_000_000_000, 2_100_000_000),
            Failed(Put(5, "5", 2_010_000_000, 2_020_000_000)),
            Unknown(Put(6, "8", 2_200_000_000, 0)),
            Get(7, "5", 2_300_000_000, 2_345_678_901),
            Get(8, "7", 2_310_000_000, 2_400_000_000),
            Get(9, "7", 3_000_000_000, 3_100_000_000),
            Get(1, "x", 0, 1, "other"),
        ]);

        Assert.Equal(
            """
            NOT LINEARIZABLE: key "k", 10 operations. Nothing explains this answer:
              client   7  [2.300000000 s .. 2.345678901 s]  get: "5"
            When it had to take effect the key could only be: "7" or (a value nobody read or compared with).
            It needs "5", which was written by:
              client   1  [1.000000000 s .. 1.200000000 s]  put "5": ok
              client   5  [2.010000000 s .. 2.020000000 s]  put "5": failed
            All that returned before it can be ordered. One such order of 6 operations ends:
              client   2  [1.100000000 s .. 1.150000000 s]  put "6": ok
              client   3  [1.160000000 s .. 1.170000000 s]  get: "6"
              client   1  [1.000000000 s .. 1.200000000 s]  put "5": ok
              client   3  [1.250000000 s .. 1.260000000 s]  get: "5"
              client   4  [2.000000000 s .. 2.100000000 s]  put "7": ok
              client   8  [2.310000000 s .. 2.400000000 s]  get: "7"
            Running at the same time and not needed before it:
              client   6  [2.200000000 s .. no answer]  put "8": outcome unknown
            Violated too: "other"

            """.ReplaceLineEndings(),
            verdict.Explain());
    }

    [Fact]
    public void A_violation_of_a_long_history_explains_itself_in_few_lines()
    {
        var history = SimulatedRegisters.Run(
            new() { Operations = 1000, Clients = 12, UnknownPercent = 2, PutWeight = 1, GetWeight = 1, CasWeight = 1 }, seed: 1);
        var last = history.FindLastIndex(o => o is { Kind: OperationKind.Get, Result: OperationResult.Ok });
        history[last] = history[last] with { Output = new string('x', 100_000) };
        var text = LinearizabilityChecker.Check(history).Explain();
        Assert.InRange(text.Split('\n').Length, 10, 26);
        Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, 250));
    }

    [Fact]
    public void A_cas_that_answered_false_is_explained_by_what_it_must_not_have_met()
    {
        var verdict = LinearizabilityChecker.Check([Put(1, "a", 0, 1), Cas(2, "a", "b", false, 2, 3)]);
        Assert.Contains("It answered false, so the key must have been something other than \"a\".", verdict.Explain());
    }

    [Fact]
    public void Too_few_steps_are_undecided_and_never_a_pass()
    {
        var history = SimulatedRegisters.Run(new() { Operations = 500, UnknownPercent = 2, PutWeight = 1, GetWeight = 1, CasWeight = 1 }, seed: 1);
        Assert.IsType<Linearizable>(LinearizabilityChecker.Check(history));

        // Each operation takes a step, so these are too few whatever the order of the search.
        for (var budget = 1; budget < history.Count(o => o.Result == OperationResult.Ok); budget += 13)
        {
            var undecided = Assert.IsType<Undecided>(LinearizabilityChecker.Check(history, new() { StepBudgetPerKey = budget }));
            Assert.Equal(["key-0"], undecided.Keys);
            Assert.InRange(undecided.Steps, 1, budget);
            Assert.Contains("not a pass", undecided.Explain());
        }
    }

    [Fact]
    public void A_violation_counts_even_if_another_key_is_undecided()
    {
        var history = SimulatedRegisters.Run(new() { Operations = 500, PutWeight = 1, GetWeight = 1 }, seed: 1);
        history.Add(Get(1, "x", 0, 1, "bad"));
        var violation = Assert.IsType<Violation>(LinearizabilityChecker.Check(history, new() { StepBudgetPerKey = 20 }));
        Assert.Equal("bad", Assert.Single(violation.Keys).Key);
        Assert.Equal(["key-0"], violation.UndecidedKeys);
        Assert.Contains("Undecided: \"key-0\"", violation.Explain());
    }

    [Fact]
    public void The_same_history_takes_the_same_steps()
    {
        var history = SimulatedRegisters.Run(new() { Operations = 500, Keys = 3, UnknownPercent = 5, PutWeight = 1, GetWeight = 1 }, seed: 2);
        var verdict = Assert.IsType<Linearizable>(LinearizabilityChecker.Check(history));
        Assert.Equal(verdict, LinearizabilityChecker.Check(history));
        Assert.Equal((history.Count, 3), (verdict.Operations, verdict.Keys));
    }
}
