using System.Text.Json;
using Microsoft.Extensions.Time.Testing;

namespace MultiDc.Shop.Tests;

/// <summary>The shop as its callers see it: over HTTP, with a keyspace whose writes fare as the test says.</summary>
public sealed class ShopTests
{
    [Fact]
    public async Task What_is_delivered_can_be_put_into_carts_taken_out_and_bought()
    {
        await using var shop = await RunningShop.StartAsync();
        Assert.Equal((200, """{"article":"apple","count":5,"inCarts":0,"free":5}"""), await shop.DeliverAsync("apple", 5, "d1"));
        Assert.Equal((200, """{"cart":"ann","article":"apple","count":3}"""), await shop.AddAsync("ann", "apple", 3, "r1"));
        Assert.Equal((200, """{"cart":"ann","article":"apple","count":2}"""), await shop.AddAsync("ann", "apple", -1, "r2"));
        Assert.Equal((200, """{"cart":"ann","checkedOut":false,"lines":{"apple":2}}"""), await shop.AskAsync("/carts/ann"));
        Assert.Equal((200, """{"article":"apple","count":5,"inCarts":2,"free":3}"""), await shop.AskAsync("/stock/apple"));
        Assert.Equal((200, """{"cart":"ann","checkedOut":true,"lines":{"apple":2}}"""), await shop.CheckOutAsync("ann"));
        Assert.Equal((200, """{"cart":"ann","checkedOut":true,"lines":{"apple":2}}"""), await shop.CheckOutAsync("ann"));
        Assert.Equal((200, """{"article":"apple","count":3,"inCarts":0,"free":3}"""), await shop.AskAsync("/stock/apple"));
        Assert.Equal((200, """{"cart":"bob","checkedOut":false,"lines":{}}"""), await shop.AskAsync("/carts/bob"));
    }

    [Fact]
    public async Task Stock_never_falls_below_zero()
    {
        await using var shop = await RunningShop.StartAsync();
        await shop.DeliverAsync("apple", 3, "d1");
        await shop.AddAsync("ann", "apple", 2, "r1");
        Assert.Equal("409 there are not that many free", Problem(await shop.AddAsync("bob", "apple", 2, "r1")));
        Assert.Equal("409 notEnough", Outcome(await shop.AddAsync("bob", "apple", 2, "r1")));
        Assert.Equal("409 there are not that many free", Problem(await shop.DeliverAsync("apple", -2, "d2")));
        Assert.Equal("409 the cart does not hold that many", Problem(await shop.AddAsync("ann", "apple", -3, "r2")));
        Assert.Equal("409 there are not that many free", Problem(await shop.AddAsync("ann", "pear", 1, "r3")));
        Assert.Equal((200, """{"article":"apple","count":3,"inCarts":2,"free":1}"""), await shop.AskAsync("/stock/apple"));
    }

    [Fact]
    public async Task The_last_one_goes_to_one_cart_only()
    {
        await using var shop = await RunningShop.StartAsync();
        await shop.DeliverAsync("apple", 10, "d1");
        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => shop.AddAsync($"c{i}", "apple", 1, "r")));
        Assert.Equal((10, 20), (answers.Count(static a => a.Status == 200), answers.Count(static a => a.Status == 409)));
        Assert.Equal((200, """{"article":"apple","count":10,"inCarts":10,"free":0}"""), await shop.AskAsync("/stock/apple"));
    }

    [Fact]
    public async Task A_request_id_counts_once()
    {
        await using var shop = await RunningShop.StartAsync();
        await shop.DeliverAsync("apple", 3, "d1");
        Assert.Equal((200, """{"article":"apple","count":3,"inCarts":0,"free":3}"""), await shop.DeliverAsync("apple", 3, "d1"));
        await shop.AddAsync("ann", "apple", 3, "r1");

        // Nothing is free any more, but the request was in time.
        Assert.Equal((200, """{"cart":"ann","article":"apple","count":3}"""), await shop.AddAsync("ann", "apple", 3, "r1"));
        Assert.Equal("422 this Idempotency-Key was used for another count", Problem(await shop.AddAsync("ann", "apple", 1, "r1")));
        Assert.Equal("422 this Idempotency-Key was used for another count", Problem(await shop.DeliverAsync("apple", 2, "d1")));

        // Taken out again, and the late copy of the first request does not bring it back.
        await shop.AddAsync("ann", "apple", -3, "r2");
        Assert.Equal((200, """{"cart":"ann","article":"apple","count":0}"""), await shop.AddAsync("ann", "apple", 3, "r1"));
    }

    [Fact]
    public async Task A_cart_that_is_checked_out_takes_no_more_but_knows_what_it_took()
    {
        await using var shop = await RunningShop.StartAsync();
        await shop.DeliverAsync("apple", 9, "d1");
        Assert.Equal("409 nothing was ever put into the cart", Problem(await shop.CheckOutAsync("ann")));
        await shop.AddAsync("ann", "apple", 2, "r1");
        await shop.CheckOutAsync("ann");
        Assert.Equal("409 the cart is checked out", Problem(await shop.AddAsync("ann", "apple", 1, "r2")));
        Assert.Equal("409 the cart is checked out", Problem(await shop.AddAsync("ann", "pear", 1, "r1")));
        Assert.Equal((200, """{"cart":"ann","article":"apple","count":2}"""), await shop.AddAsync("ann", "apple", 2, "r1"));
        Assert.Equal((200, """{"article":"apple","count":7,"inCarts":0,"free":7}"""), await shop.AskAsync("/stock/apple"));
    }

    [Fact]
    public async Task What_is_added_while_the_cart_is_checked_out_is_refused_and_holds_nothing()
    {
        await using var shop = await RunningShop.StartAsync();
        await shop.DeliverAsync("apple", 9, "d1");
        shop.Data.Before = ("stock/apple", () => Assert.Equal(200, shop.CheckOutAsync("ann").GetAwaiter().GetResult().Status));
        Assert.Equal("409 the cart is checked out", Problem(await shop.AddAsync("ann", "apple", 2, "r1")));
        Assert.Equal((200, """{"cart":"ann","checkedOut":true,"lines":{}}"""), await shop.AskAsync("/carts/ann"));
        Assert.Equal((200, """{"article":"apple","count":9,"inCarts":0,"free":9}"""), await shop.AskAsync("/stock/apple"));
    }

    [Theory]
    [InlineData((int)Fate.AnswerLost)]
    [InlineData((int)Fate.RequestLost)]
    [InlineData((int)Fate.Late)]
    public async Task A_write_that_may_have_happened_is_looked_for_and_made_once(int fate)
    {
        await using var shop = await RunningShop.StartAsync();
        await shop.DeliverAsync("apple", 9, "d1");
        await shop.AddAsync("ann", "apple", 1, "r1");
        shop.Data.Next((Fate)fate);
        Assert.Equal((200, """{"cart":"ann","article":"apple","count":3}"""), await shop.AddAsync("ann", "apple", 2, "r2"));
        shop.Data.Next(Fate.Answered, (Fate)fate);
        Assert.Equal((200, """{"cart":"ann","checkedOut":true,"lines":{"apple":3}}"""), await shop.CheckOutAsync("ann"));
        Assert.Equal((200, """{"article":"apple","count":6,"inCarts":0,"free":6}"""), await shop.AskAsync("/stock/apple"));
    }

    [Fact]
    public async Task Without_a_majority_it_says_so_and_whether_it_may_have_happened()
    {
        await using var shop = await RunningShop.StartAsync();
        await shop.DeliverAsync("apple", 9, "d1");
        await shop.AddAsync("ann", "apple", 1, "r1");
        shop.Data.Next(Fate.Refused);
        Assert.Equal("503 notDone", Outcome(await shop.AddAsync("ann", "apple", 2, "r2")));

        // One attempt without an answer, then a refusal: it may have happened.
        shop.Data.Next(Fate.RequestLost, Fate.Refused);
        Assert.Equal("503 unknown", Outcome(await shop.AddAsync("ann", "apple", 2, "r2")));

        // The cart is closed, the line not yet sold: there is no way back, so this is not "not done".
        shop.Data.Next(Fate.Answered, Fate.Refused);
        Assert.Equal("503 unknown", Outcome(await shop.CheckOutAsync("ann")));
        Assert.Equal((200, """{"cart":"ann","checkedOut":true,"lines":{"apple":1}}"""), await shop.CheckOutAsync("ann"));
        Assert.Equal((200, """{"article":"apple","count":8,"inCarts":0,"free":8}"""), await shop.AskAsync("/stock/apple"));

        shop.Data.IsAway = true;
        Assert.Equal("503 notDone", Outcome(await shop.AskAsync("/stock/apple")));
        Assert.Equal("503 notDone", Outcome(await shop.AskAsync("/carts/ann")));
    }

    [Fact]
    public async Task A_request_has_one_deadline_over_all_that_it_takes()
    {
        var time = new FakeTimeProvider();
        await using var shop = await RunningShop.StartAsync(time);
        await shop.DeliverAsync("apple", 9, "d1");
        shop.Data.Next(Fate.Answered, Fate.RequestLost);
        shop.Data.Before = ("stock/apple", () => time.Advance(TimeSpan.FromSeconds(3)));
        Assert.Equal("503 unknown", Outcome(await shop.AddAsync("ann", "apple", 2, "r1")));
        Assert.Equal(3, shop.Data.Writes);
    }

    [Theory]
    [InlineData("/stock/a%2Fb", null, null, 400)]
    [InlineData("/stock/a%20b", null, null, 400)]
    [InlineData("/carts/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", null, null, 400)]
    [InlineData("/stock/apple/deliveries", """{"count":1}""", null, 400)]
    [InlineData("/stock/apple/deliveries", """{"count":1}""", "no blanks", 400)]
    [InlineData("/stock/apple/deliveries", """{"count":0}""", "r", 400)]
    [InlineData("/stock/apple/deliveries", """{"count":1000001}""", "r", 400)]
    [InlineData("/stock/apple/deliveries", """{"count":1.5}""", "r", 400)]
    [InlineData("/stock/apple/deliveries", """{"count":99999999999}""", "r", 400)]
    [InlineData("/stock/apple/deliveries", "{}", "r", 400)]
    [InlineData("/stock/apple/deliveries", "no json", "r", 400)]
    [InlineData("/stock/apple/deliveries", "", "r", 400)]
    [InlineData("/carts/ann/lines", """{"article":"a/b","count":1}""", "r", 400)]
    [InlineData("/carts/ann/lines", """{"article":"","count":1}""", "r", 400)]
    [InlineData("/carts/ann/lines", """{"article":null,"count":1}""", "r", 400)]
    [InlineData("/carts/ann/lines", """{"article":"apple","count":0}""", "r", 400)]
    [InlineData("/carts/ann/lines", """{"count":1}""", "r", 400)]
    [InlineData("/carts/a%20b/checkout", "", null, 400)]
    [InlineData("/carts/ann/lines", null, null, 405)]
    [InlineData("/nothing", null, null, 404)]
    public async Task Wrong_input_is_refused_with_a_problem_and_changes_nothing(string path, string? body, string? requestId, int status)
    {
        foreach (var environment in new[] { "Production", "Development" })
        {
            await using var shop = await RunningShop.StartAsync(environment: environment);
            var answer = await shop.AskAsync(path, body, requestId);
            Assert.True(status == answer.Status, $"{environment}: {answer}");
            Assert.Equal(0, shop.Data.Writes);
        }
    }

    [Fact]
    public async Task What_is_wrong_with_a_request_is_told()
    {
        await using var shop = await RunningShop.StartAsync();
        Assert.Equal("400 Required parameter \"string requestId\" was not provided from header.", Problem(await shop.AskAsync("/stock/apple/deliveries", """{"count":1}""")));
        Assert.Contains("Count must not be 0", (await shop.DeliverAsync("apple", 0, "r")).Body, StringComparison.Ordinal);
        Assert.Contains("must be 1 to 64 characters of A-Z, a-z, 0-9, '-', '_', '.'", (await shop.AskAsync("/stock/a%20b")).Body.Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_article_that_can_take_no_more_says_so()
    {
        await using var shop = await RunningShop.StartAsync();
        shop.Data.Next(Fate.TooLarge);
        Assert.Equal("507 the article cannot take more requests", Problem(await shop.DeliverAsync("apple", 1, "d1")));
    }

    [Fact]
    public async Task Health_names_the_datacenter_that_is_asked_first()
    {
        await using var shop = await RunningShop.StartAsync();
        Assert.Equal("200 b", await TalksToAsync());
        shop.Links.Down.Add("b");
        Assert.Equal("200 a", await TalksToAsync());
        shop.Links.Down.UnionWith(["a", "c"]);
        Assert.Equal("503 ", await TalksToAsync());
        shop.Links.Down.Clear();
        Assert.Equal("200 b", await TalksToAsync());

        async Task<string> TalksToAsync()
        {
            var (status, body) = await shop.AskAsync("/health");
            var health = JsonSerializer.Deserialize<JsonElement>(body);
            Assert.Equal(("b", 3), (health.GetProperty("datacenter").GetString(), health.GetProperty("datacenters").GetArrayLength()));
            return $"{status} {health.GetProperty("talksTo").GetString()}";
        }
    }

    private static string Problem((int Status, string Body) answer) => $"{answer.Status} {JsonSerializer.Deserialize<JsonElement>(answer.Body).GetProperty("detail").GetString()}";

    private static string Outcome((int Status, string Body) answer) => $"{answer.Status} {JsonSerializer.Deserialize<JsonElement>(answer.Body).GetProperty("outcome").GetString()}";
}
