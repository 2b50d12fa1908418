using System.Collections.Concurrent;
using System.Text.Json;
using MultiDc.Raft;

namespace MultiDc.Host.Drills.Shop;

/// <summary>
/// Customers who fill carts and check them out, and what they were told. Each cart has one customer, so that what it must hold is known at every
/// moment; articles are everybody's, and run out at times.
/// </summary>
internal sealed class CustomerCrowd(ShopWeb web, string prefix, int customersPerShop, ulong seed, TimeProvider time)
{
    private const int Articles = 48;
    private const int FirstDelivery = 30;
    private const int LaterDelivery = 10;
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    private readonly CartLedger ledger = new();
    private readonly ConcurrentQueue<string> violations = new();
    private int lastRequest;

    /// <summary>Something of every article.</summary>
    public Task StockUpAsync(CancellationToken stop) =>
        Parallel.ForEachAsync(Enumerable.Range(0, Articles), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = stop }, async (i, _) => await DeliverAsync(i % web.Shops, Article(i), FirstDelivery, stop));

    /// <summary>Until they are told to rest; a request that was begun is ended.</summary>
    public Task RunAsync(CancellationToken rest, CancellationToken stop) => Task.WhenAll(
        Enumerable.Range(0, customersPerShop * web.Shops).Select(number => Task.Run(() => ShopAsync(number, new SeededRandomSource((seed * 1_000) + (ulong)number), rest, stop), CancellationToken.None)));

    /// <summary>Looks at every cart and all stock, and compares with what was acknowledged.</summary>
    public async Task<CartFindings> CheckAsync(CancellationToken stop)
    {
        var looking = new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = stop };
        await Parallel.ForEachAsync(ledger.Carts.Index(), looking, async (cart, _) => Compare(await LookAsync(cart.Index % web.Shops, cart.Item, stop), cart.Item));
        await Parallel.ForEachAsync(Enumerable.Range(0, Articles), looking, async (i, _) =>
        {
            var stock = (await web.AskAsync(i % web.Shops, $"/stock/{Article(i)}", null, null, stop)).Body;
            if (ledger.StockProblem(Article(i), stock.GetProperty("count").GetInt64(), stock.GetProperty("inCarts").GetInt64(), stock.GetProperty("free").GetInt64()) is { } problem)
            {
                violations.Enqueue(problem);
            }
        });
        return new(ledger.Carts.Count, ledger.Lines, ledger.Acknowledged, [.. violations]);
    }

    private string Article(int i) => $"{prefix}-a{i}";

    private async Task ShopAsync(int number, IRandomSource random, CancellationToken rest, CancellationToken stop)
    {
        var home = number % web.Shops;
        var cart = "";
        for (var i = 0; !rest.IsCancellationRequested; i++)
        {
            cart = cart.Length == 0 ? $"{prefix}-c{number}-{i}" : cart;
            var article = Article(random.Next(0, Articles));
            var held = ledger.LinesOf(cart);
            switch (random.Next(0, 20))
            {
                case <= 1:
                    await DeliverAsync(home, article, LaterDelivery, stop);
                    break;
                case <= 4:
                    Compare(await LookAsync(home, cart, stop), cart);
                    break;
                case <= 6 when held.Count > 0:
                    await AddAsync(home, cart, held.Keys.ElementAt(random.Next(0, held.Count)), -1, stop);
                    break;
                case <= 8 when held.Count > 0:
                    await CheckOutAsync(home, cart, stop);
                    cart = "";
                    break;
                default:
                    await AddAsync(home, cart, article, random.Next(1, 4), stop);
                    break;
            }

            await Task.Delay(LongestPause * (random.Next(0, 1_000) / 1_000.0), time, CancellationToken.None);
        }
    }

    private async Task DeliverAsync(int home, string article, int count, CancellationToken stop)
    {
        var answer = await web.AskAsync(home, $"/stock/{article}/deliveries", new { count }, NewRequestId(), stop);
        if (answer.Status == 200)
        {
            ledger.Delivered(article, count);
        }
        else
        {
            violations.Enqueue($"a delivery of {count} of {article} was refused: {answer.Status} {answer.Outcome}");
        }
    }

    private async Task AddAsync(int home, string cart, string article, int count, CancellationToken stop)
    {
        var answer = await web.AskAsync(home, $"/carts/{cart}/lines", new { article, count }, NewRequestId(), stop);
        if (answer.Status == 200)
        {
            ledger.Added(cart, article, count);
        }
        else if (answer.Outcome != "notEnough" || count < 0)
        {
            violations.Enqueue($"{count} of {article} for the open cart {cart}, which holds {ledger.LinesOf(cart).GetValueOrDefault(article)}: {answer.Status} {answer.Outcome}");
        }
    }

    private async Task CheckOutAsync(int home, string cart, CancellationToken stop)
    {
        var answer = await web.AskAsync(home, $"/carts/{cart}/checkout", new { }, null, stop);
        if (answer.Status == 200)
        {
            ledger.CheckedOut(cart);
            Compare(answer.Body, cart);
        }
        else
        {
            violations.Enqueue($"the checkout of cart {cart} was refused: {answer.Status} {answer.Outcome}");
        }
    }

    private async Task<JsonElement> LookAsync(int home, string cart, CancellationToken stop) => (await web.AskAsync(home, $"/carts/{cart}", null, null, stop)).Body;

    private void Compare(JsonElement told, string cart)
    {
        var lines = told.GetProperty("lines").EnumerateObject().ToDictionary(static line => line.Name, static line => line.Value.GetInt64());
        if (ledger.CartProblem(cart, told.GetProperty("checkedOut").GetBoolean(), lines) is { } problem)
        {
            violations.Enqueue(problem);
        }
    }

    private string NewRequestId() => $"r{Interlocked.Increment(ref lastRequest)}";
}
