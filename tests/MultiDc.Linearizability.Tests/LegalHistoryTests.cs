using static MultiDc.Linearizability.Tests.History;

namespace MultiDc.Linearizability.Tests;

public class LegalHistoryTests
{
    [Fact]
    public void Nothing() => Accepts();

    [Fact]
    public void One_client_after_another() =>
        Accepts(Get(1, null, 0, 1), Put(1, "a", 2, 3), Cas(2, "a", "b", true, 4, 5), Get(3, "b", 6, 7), Delete(1, 8, 9), Get(2, null, 10, 11));

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    public void Concurrent_puts_end_in_either_order(string last) => Accepts(Put(1, "a", 0, 10), Put(2, "b", 5, 15), Get(3, last, 20, 21));

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    public void A_get_concurrent_with_a_put_sees_either(string seen) => Accepts(Put(1, "a", 0, 1), Put(1, "b", 2, 9), Get(2, seen, 3, 8));

    [Theory]
    [InlineData("a", "a")]
    [InlineData("a", "b")]
    [InlineData("b", "b")]
    public void Gets_during_a_put_turn_over_once(string first, string second) =>
        Accepts(Put(1, "a", 0, 1), Put(1, "b", 2, 20), Get(2, first, 3, 4), Get(3, second, 5, 6));

    [Fact]
    public void Operations_that_touch_are_concurrent() => Accepts(Put(1, "a", 0, 5), Get(2, null, 5, 6));

    [Fact]
    public void Operations_may_take_no_time() => Accepts(Put(1, "a", 3, 3), Get(1, "a", 4, 4));

    [Fact]
    public void Unknown_put_observed() => Accepts(Put(1, "a", 0, 1), Unknown(Put(2, "b", 2, 3)), Get(1, "b", 4, 5));

    [Fact]
    public void Unknown_put_observed_much_later_after_other_writes() =>
        Accepts(Put(1, "a", 0, 1), Unknown(Put(2, "b", 2, 3)), Get(1, "a", 4, 5), Put(1, "c", 6, 7), Get(3, "c", 8, 9), Delete(3, 10, 11),
            Get(1, null, 12, 13), Get(1, "b", 14, 15));

    [Fact]
    public void Unknown_put_never_happened() => Accepts(Put(1, "a", 0, 1), Unknown(Put(2, "b", 2, 3)), Get(1, "a", 4, 5));

    [Fact]
    public void Unknown_cas_took_effect() => Accepts(Put(1, "a", 0, 1), Unknown(Cas(2, "a", "b", true, 2, 3)), Get(1, "b", 4, 5));

    [Fact]
    public void Unknown_cas_took_effect_when_its_expect_came_back() =>
        Accepts(Put(1, "a", 0, 1), Put(1, "b", 2, 3), Unknown(Cas(2, "a", "c", true, 4, 5)), Get(1, "b", 6, 7), Put(1, "a", 8, 9), Get(1, "c", 10, 11));

    [Fact]
    public void A_chain_of_unknown_writes_explains_one_read() =>
        Accepts(Unknown(Put(1, "a", 0, 1)), Unknown(Cas(2, "a", "b", true, 0, 1)), Unknown(Cas(3, "b", "c", true, 0, 1)), Get(4, "c", 5, 6));

    [Fact]
    public void A_cas_answers_false_because_of_an_unknown_write_nobody_ever_read() =>
        Accepts(Put(1, "a", 0, 1), Unknown(Put(2, "z", 2, 3)), Cas(3, "a", "b", false, 4, 5));

    [Fact]
    public void A_cas_answers_false_and_the_value_comes_back() =>
        Accepts(Put(1, "a", 0, 1), Unknown(Put(2, "z", 2, 3)), Cas(3, "a", "b", false, 4, 5), Unknown(Put(2, "a", 2, 3)), Get(1, "a", 6, 7));

    [Fact]
    public void Failed_operations_and_gets_without_an_answer_say_nothing() =>
        Accepts(Put(1, "a", 0, 1), Failed(Put(2, "b", 2, 3)), Failed(Get(2, null, 2, 3)), Unknown(Get(2, null, 2, 3)),
            Failed(Cas(3, "a", "c", true, 2, 3)), Get(1, "a", 4, 5));

    [Fact]
    public void An_unknown_write_of_the_same_value_hides_a_concurrent_put() =>
        Accepts(Put(1, "a", 0, 1), Put(2, "b", 2, 5), Unknown(Put(3, "a", 2, 5)), Get(4, "a", 6, 7), Cas(4, "a", "c", true, 8, 9));

    [Fact]
    public void An_exchange_of_a_value_for_itself_only_looks() =>
        Accepts(Put(1, "a", 0, 1), Cas(2, "a", "a", true, 0, 9), Cas(3, "a", "b", true, 0, 9), Get(1, "b", 10, 11));

    [Fact]
    public void More_than_sixty_four_operations_at_once()
    {
        // 200 overlapping puts, each seen by its own get, and a last one by a cas: slots and spent writes need several words.
        var puts = Enumerable.Range(0, 200).Select(i => Put(i, $"{i}", 0, 1000));
        var unknown = Enumerable.Range(0, 150).Select(i => Unknown(Put(i, $"u{i}", 0, 1)));
        var gets = Enumerable.Range(0, 200).Select(i => Get(500, $"{199 - i}", 1 + (4 * i), 2 + (4 * i)));
        var moreGets = Enumerable.Range(0, 150).Select(i => Get(501, $"u{(i * 7) % 150}", 3 + (4 * i), 4 + (4 * i)));
        var history = puts.Concat(unknown).Concat(gets).Concat(moreGets).ToArray();
        Assert.IsType<Linearizable>(LinearizabilityChecker.Check(history, new() { StepBudgetPerKey = 20_000 }));
        Assert.IsType<Violation>(LinearizabilityChecker.Check(history.Append(Get(502, "u7", 1100, 1101)), new() { StepBudgetPerKey = 200_000 }));
    }

    private static void Accepts(params Operation[] history)
    {
        foreach (var order in new[] { history, history.Reverse() })
        {
            var verdict = LinearizabilityChecker.Check(order);
            Assert.True(verdict is Linearizable, verdict.Explain());
        }

        Assert.True(BruteForce.IsLinearizable(history));
    }
}
