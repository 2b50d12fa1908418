using static MultiDc.Linearizability.Tests.History;

namespace MultiDc.Linearizability.Tests;

public class IllegalHistoryTests
{
    [Fact]
    public void Stale_read() => Rejects(stuck: 2, Put(1, "a", 0, 1), Put(1, "b", 2, 3), Get(2, "a", 4, 5));

    [Fact]
    public void Stale_read_of_an_absent_key() => Rejects(stuck: 1, Put(1, "a", 0, 1), Get(2, null, 2, 3));

    [Fact]
    public void Stale_read_after_another_client_saw_the_write_that_is_still_running() =>
        Rejects(stuck: 3, Put(1, "a", 0, 1), Put(1, "b", 2, 20), Get(2, "b", 3, 4), Get(3, "a", 5, 6));

    [Fact]
    public void Lost_write() =>
        Rejects(stuck: 3, Put(1, "a", 0, 1), Put(2, "b", 2, 3), Get(1, "b", 4, 5), Get(1, "a", 6, 7));

    [Fact]
    public void Doubled_increment_jumps_by_two() =>
        Rejects(stuck: 2, Put(1, "0", 0, 1), Cas(1, "0", "1", true, 2, 3), Get(2, "2", 4, 5));

    [Fact]
    public void Doubled_increment_applied_again_after_a_reset() =>
        Rejects(stuck: 3, Put(1, "0", 0, 1), Cas(1, "0", "1", true, 2, 3), Put(2, "0", 4, 5), Get(2, "1", 6, 7));

    [Fact]
    public void Read_of_a_value_nobody_wrote() => Rejects(stuck: 1, Put(1, "a", 0, 1), Get(2, "z", 0, 5));

    [Fact]
    public void Resurrected_deleted_value() =>
        Rejects(stuck: 3, Put(1, "a", 0, 1), Delete(2, 2, 3), Get(3, null, 4, 5), Get(3, "a", 6, 7));

    [Fact]
    public void Two_successful_cas_from_the_same_value() =>
        Rejects(stuck: 2, Put(1, "a", 0, 1), Cas(1, "a", "b", true, 2, 9), Cas(2, "a", "c", true, 3, 9));

    [Fact]
    public void Two_successful_creations() => Rejects(stuck: 1, Cas(1, null, "b", true, 0, 9), Cas(2, null, "c", true, 0, 9));

    [Fact]
    public void Cas_true_with_the_wrong_expect() => Rejects(stuck: 1, Put(1, "a", 0, 1), Cas(2, "b", "c", true, 2, 3));

    [Fact]
    public void Cas_false_though_the_value_matched() => Rejects(stuck: 1, Put(1, "a", 0, 1), Cas(2, "a", "b", false, 2, 3));

    [Fact]
    public void Cas_false_though_every_possible_value_matched() =>
        Rejects(stuck: 2, Put(1, "a", 0, 1), Put(2, "a", 2, 9), Cas(3, "a", "b", false, 3, 4));

    [Fact]
    public void Cas_false_on_absent_though_nothing_was_ever_written() => Rejects(stuck: 0, Cas(1, null, "a", false, 0, 1));

    [Fact]
    public void Cas_false_took_effect() => Rejects(stuck: 2, Put(1, "a", 0, 1), Cas(2, "x", "b", false, 2, 3), Get(1, "b", 4, 5));

    [Fact]
    public void Non_monotonic_reads_of_one_client() =>
        Rejects(stuck: 3, Put(1, "a", 0, 1), Put(2, "b", 2, 30), Get(3, "b", 4, 5), Get(3, "a", 6, 7));

    [Fact]
    public void Two_readers_see_two_writes_in_opposite_orders() =>
        Rejects(stuck: 5,
            Put(1, "a", 0, 100), Put(2, "b", 0, 100), Get(3, "a", 1, 2), Get(3, "b", 3, 4), Get(4, "b", 1, 5), Get(4, "a", 6, 7));

    [Fact]
    public void Read_of_a_value_before_its_put_started() => Rejects(stuck: 0, Get(2, "a", 0, 1), Put(1, "a", 2, 3));

    [Fact]
    public void Read_of_a_value_before_its_unknown_put_started() => Rejects(stuck: 0, Get(2, "a", 0, 1), Unknown(Put(1, "a", 2, 3)));

    [Fact]
    public void Failed_write_observed() => Rejects(stuck: 2, Put(1, "a", 0, 1), Failed(Put(2, "b", 2, 3)), Get(1, "b", 4, 5));

    [Fact]
    public void Failed_delete_observed() => Rejects(stuck: 2, Put(1, "a", 0, 1), Failed(Delete(2, 2, 3)), Get(1, null, 4, 5));

    [Fact]
    public void Unknown_put_took_effect_twice() =>
        Rejects(stuck: 4, Unknown(Put(1, "a", 0, 1)), Get(2, "a", 2, 3), Put(2, "b", 4, 5), Get(2, "b", 6, 7), Get(2, "a", 8, 9));

    [Fact]
    public void Unknown_cas_took_effect_on_a_value_it_did_not_expect() =>
        Rejects(stuck: 2, Put(1, "a", 0, 1), Unknown(Cas(2, "x", "b", true, 2, 3)), Get(1, "b", 4, 5));

    [Fact]
    public void Two_reads_need_one_unknown_delete_each()
    {
        Operation[] history =
        [
            Put(1, "a", 0, 1), Unknown(Delete(2, 0, 1)), Get(1, null, 2, 3), Put(1, "a", 4, 5), Get(1, null, 6, 7),
        ];
        Rejects(stuck: 4, history);
        Assert.IsType<Linearizable>(LinearizabilityChecker.Check([.. history, Unknown(Delete(3, 0, 1))]));
    }

    [Fact]
    public void A_bad_key_among_good_ones()
    {
        var verdict = LinearizabilityChecker.Check(
            [Put(1, "a", 0, 1, "x"), Get(1, "a", 2, 3, "x"), Put(1, "a", 0, 1, "y"), Get(1, null, 2, 3, "y"), Get(1, "q", 0, 1, "z")]);
        var violation = Assert.IsType<Violation>(verdict);
        Assert.Equal(["y", "z"], violation.Keys.Select(k => k.Key));
    }

    private static void Rejects(int stuck, params Operation[] history)
    {
        var violation = Assert.IsType<Violation>(LinearizabilityChecker.Check(history));
        var key = Assert.Single(violation.Keys);
        Assert.Same(history[stuck], key.Stuck);
        Assert.False(BruteForce.IsLinearizable(history));

        // The order of the lines of a history means nothing.
        Assert.IsType<Violation>(LinearizabilityChecker.Check(history.Reverse()));
    }
}
