namespace MultiDc.Linearizability.Tests;

public class BruteForceTwinTests
{
    private static readonly string?[] Values = [null, "a", "b", "c"];

    // So few steps leave the depth-first attempt six at most: the search in time order decides.
    private static readonly CheckerOptions InTimeOrder = new() { StepBudgetPerKey = 100 };

    // What the four sets stress: everything; unknown outcomes; overlapping puts and deletes with few readers; compare-and-sets.
    [Theory]
    [InlineData(1, 12, 15, 25)]
    [InlineData(2, 10, 45, 25)]
    [InlineData(3, 6, 15, 60)]
    [InlineData(4, 14, 25, 5)]
    public void Agrees_with_the_definition_on_random_tiny_histories(int seed, int span, int unknownPercent, int blindWritePercent)
    {
        const int Histories = 15_000;
        var random = new Random(seed);
        var (legal, undecided, n) = (0, 0, 0);
        Operation[] history = [];
        for (; n < Histories; n++)
        {
            history = RandomHistory(random, span, unknownPercent, blindWritePercent);
            var expected = BruteForce.IsLinearizable(history);
            AssertAgrees(expected, LinearizabilityChecker.Check(history));
            var verdict = LinearizabilityChecker.Check(history, InTimeOrder);
            if (verdict is Undecided)
            {
                undecided++;
            }
            else
            {
                AssertAgrees(expected, verdict);
            }

            legal += expected ? 1 : 0;
        }

        Assert.InRange(legal, Histories / 10, Histories * 9 / 10);
        Assert.InRange(undecided, 0, Histories / 10);

        void AssertAgrees(bool expected, Verdict verdict) => Assert.True(
            expected ? verdict is Linearizable : verdict is Violation,
            $"history {n} of seed {seed}: the definition says {expected}, the checker says {verdict.Explain()}\n{string.Join('\n', history)}");
    }

    // Half of the answers come from one run of a register, so that many histories are legal or only just not.
    private static Operation[] RandomHistory(Random random, int span, int unknownPercent, int blindWritePercent)
    {
        string? register = null;
        var history = new Operation[random.Next(1, 8)];
        var start = 0L;
        for (var i = 0; i < history.Length; i++)
        {
            start += random.Next(0, 4);
            var kind = random.Next(100) < blindWritePercent ? random.Next(3) == 0 ? OperationKind.Delete : OperationKind.Put
                : random.Next(2) == 0 ? OperationKind.Cas : OperationKind.Get;
            var value = kind is OperationKind.Put or OperationKind.Cas ? Values[random.Next(1, Values.Length)] : null;
            var expect = kind != OperationKind.Cas ? null : random.Next(2) == 0 ? register : Values[random.Next(Values.Length)];
            string? output = null;
            var happens = random.Next(4) != 0;
            switch (kind)
            {
                case OperationKind.Get:
                    output = random.Next(3) == 0 ? Values[random.Next(Values.Length)] : register;
                    break;
                case OperationKind.Cas:
                    output = random.Next(4) == 0 ? "false" : register == expect ? "true" : "false";
                    register = happens && register == expect ? value : register;
                    break;
                default:
                    register = happens ? value : register;
                    break;
            }

            var draw = random.Next(100);
            var result = draw < unknownPercent ? OperationResult.Unknown : draw < unknownPercent + 5 ? OperationResult.Fail : OperationResult.Ok;
            history[i] = new()
            {
                Client = i,
                Kind = kind,
                Key = "k",
                Value = value,
                Expect = expect,
                Start = start,
                End = result == OperationResult.Unknown ? null : start + random.Next(span),
                Result = result,
                Output = result == OperationResult.Ok ? output : null,
            };
        }

        return history;
    }
}
