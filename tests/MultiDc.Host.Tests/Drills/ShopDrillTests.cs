using MultiDc.Host.Drills;
using MultiDc.Host.Drills.Shop;

namespace MultiDc.Host.Tests.Drills;

/// <summary>What the drill of the web app makes of what its customers saw.</summary>
public sealed class ShopDrillTests
{
    private const long Second = 1_000_000_000;
    private static readonly MadeFault Fault = new("kill", "a", [1], 20 * Second, 30 * Second);

    [Fact]
    public void Pauses_are_counted_before_during_and_after_a_fault_and_only_successful_changes_end_them()
    {
        var figures = new ShopFigures([.. Enumerable.Range(1, 19).Select(static at => Answer(at)), Answer(22), Answer(24, status: 503), Answer(25, isChange: false), Answer(26, shop: "b"), Answer(27), Answer(31), Answer(38)]).Of("a", Fault);
        Assert.Equal((1, 5, 7), (figures.Before.TotalSeconds, figures.Pause.TotalSeconds, figures.HealingPause.TotalSeconds));
    }

    [Fact]
    public void The_slowest_request_is_one_that_was_under_way_during_the_fault_all_attempts_together()
    {
        var figures = new ShopFigures([Request(1, 19, "1"), Request(19, 23, "3"), Request(29, 35, "2"), Request(31, 39, "1"), Request(20, 21, "1"), Request(20, 29, "4", "b")]).Of("a", Fault);
        Assert.Equal((6, 2), (figures.SlowestRequest.TotalSeconds, figures.Retried));
    }

    [Fact]
    public void A_shop_left_and_returned_or_it_did_not()
    {
        Assert.Equal((2, 3), Route(Talks(1, "a"), Talks(22, "c"), Talks(33, "a")));
        Assert.Equal((2, 0), Route(Talks(1, "a"), Talks(22, "c"), Talks(29, "a")));
        Assert.Equal((2, null), Route(Talks(1, "a"), Talks(22, "c")));
        Assert.Equal((null, null), Route(Talks(1, "a"), Talks(31, "c"), Talks(33, "a")));

        static (double?, double?) Route(params ShopEvent[] events)
        {
            var figures = new ShopFigures(events).Of("a", Fault);
            return (figures.Left?.TotalSeconds, figures.Returned?.TotalSeconds);
        }
    }

    [Fact]
    public void A_drill_is_kept_when_nothing_is_missing_and_the_shop_of_the_killed_datacenter_left_and_returned()
    {
        Assert.True(Report([Talks(22, "c"), Talks(33, "a")]).IsKept);
        Assert.False(Report([Talks(22, "c"), Talks(33, "a")], "a line is missing").IsKept);
        Assert.False(Report([Talks(22, "c")]).IsKept);
        Assert.False(Report([]).IsKept);

        static ShopDrillReport Report(ShopEvent[] events, params string[] violations) => new()
        {
            Shops = ["a", "b"], Figures = new(events), Faults = [new("a", Fault)], Restarted = [], Findings = new(1, 1, 1, violations),
        };
    }

    [Fact]
    public void A_cart_must_hold_what_was_acknowledged_once()
    {
        var ledger = new CartLedger();
        ledger.Added("ann", "apple", 2);
        ledger.Added("ann", "pear", 1);
        ledger.Added("ann", "pear", -1);
        Assert.Null(ledger.CartProblem("ann", false, new Dictionary<string, long> { ["apple"] = 2 }));
        Assert.Equal("""cart ann holds {"apple":4} and not {"apple":2}""", ledger.CartProblem("ann", false, new Dictionary<string, long> { ["apple"] = 4 }));
        Assert.Equal("cart ann holds {} and not {\"apple\":2}", ledger.CartProblem("ann", false, new Dictionary<string, long>()));
        Assert.NotNull(ledger.CartProblem("ann", false, new Dictionary<string, long> { ["apple"] = 2, ["pear"] = 1 }));
        Assert.Equal("cart ann is checked out", ledger.CartProblem("ann", true, new Dictionary<string, long> { ["apple"] = 2 }));
        ledger.CheckedOut("ann");
        Assert.Null(ledger.CartProblem("ann", true, new Dictionary<string, long> { ["apple"] = 2 }));
        Assert.Equal("cart ann is not checked out", ledger.CartProblem("ann", false, new Dictionary<string, long> { ["apple"] = 2 }));
        Assert.Equal((1, 1, 4), (ledger.Carts.Count, ledger.Lines, ledger.Acknowledged));
    }

    [Fact]
    public void Stock_and_carts_must_add_up()
    {
        var ledger = new CartLedger();
        ledger.Delivered("apple", 10);
        ledger.Added("ann", "apple", 2);
        ledger.Added("bob", "apple", 3);
        ledger.CheckedOut("bob");
        Assert.Null(ledger.StockProblem("apple", 7, 2, 5));
        Assert.Equal("of apple there are 10, 2 in carts, 8 free, and not 7, 2, 5", ledger.StockProblem("apple", 10, 2, 8));
        Assert.NotNull(ledger.StockProblem("apple", 7, 3, 4));
        Assert.NotNull(ledger.StockProblem("apple", 7, 2, 4));
        ledger.Added("ann", "apple", 6);
        Assert.NotNull(ledger.StockProblem("apple", 7, 8, -1));
    }

    private static ShopEvent Answer(long at, string shop = "a", int status = 200, bool isChange = true) => new(ShopEventKind.Answer, shop, (at * Second) - 1, at * Second, isChange, status, "");

    private static ShopEvent Request(long start, long end, string attempts, string shop = "a") => new(ShopEventKind.Request, shop, start * Second, end * Second, true, 200, attempts);

    private static ShopEvent Talks(long at, string to) => new(ShopEventKind.TalksTo, "a", at * Second, at * Second, false, 0, to);
}
