using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using MultiDc.Routing.Links;

namespace MultiDc.Shop;

/// <summary>The shop's routes: what is asked, and how an outcome is told in HTTP.</summary>
internal static class ShopRoutes
{
    private const string RequestId = "Idempotency-Key";

    public static WebApplication MapShop(this WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages();

        app.MapPost("/stock/{article}/deliveries", async (
            [Name] string article, [FromHeader(Name = RequestId), Name] string requestId, Delivery delivery, ShopStore shop, CancellationToken stop) =>
        {
            var (outcome, stock) = await shop.DeliverAsync(article, requestId, delivery.Count, stop);
            return Answer(outcome, () => StockView.Of(article, stock));
        });

        app.MapGet("/stock/{article}", async ([Name] string article, ShopStore shop, CancellationToken stop) =>
            StockView.Of(article, await shop.GetStockAsync(article, stop)));

        app.MapPost("/carts/{cart}/lines", async (
            [Name] string cart, [FromHeader(Name = RequestId), Name] string requestId, NewLine line, ShopStore shop, CancellationToken stop) =>
        {
            var (outcome, stock) = await shop.AddToCartAsync(cart, line.Article, requestId, line.Count, stop);
            return Answer(outcome, () => new LineView(cart, line.Article, stock.LineOf(cart).Count));
        });

        app.MapGet("/carts/{cart}", async ([Name] string cart, ShopStore shop, CancellationToken stop) => await shop.GetCartAsync(cart, stop));

        app.MapPost("/carts/{cart}/checkout", async ([Name] string cart, ShopStore shop, CancellationToken stop) =>
        {
            var (outcome, bought) = await shop.CheckOutAsync(cart, stop);
            return Answer(outcome, () => bought);
        });

        app.MapGet("/health", static (IDatacenterLinks links) =>
        {
            var health = ShopHealth.Of(links);
            return Results.Json(health, statusCode: health.TalksTo is null ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK);
        });
        return app;
    }

    private static IResult Answer(ShopOutcome outcome, Func<object> view) => outcome switch
    {
        ShopOutcome.Done => Results.Ok(view()),
        ShopOutcome.NotEnough => Refusal(outcome, StatusCodes.Status409Conflict, "there are not that many free"),
        ShopOutcome.NotInCart => Refusal(outcome, StatusCodes.Status409Conflict, "the cart does not hold that many"),
        ShopOutcome.CheckedOut => Refusal(outcome, StatusCodes.Status409Conflict, "the cart is checked out"),
        ShopOutcome.NothingInCart => Refusal(outcome, StatusCodes.Status409Conflict, "nothing was ever put into the cart"),
        ShopOutcome.OtherRequest => Refusal(outcome, StatusCodes.Status422UnprocessableEntity, $"this {RequestId} was used for another count"),
        ShopOutcome.Full => Refusal(outcome, StatusCodes.Status507InsufficientStorage, "the article cannot take more requests"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    // With the outcome for programs beside the sentence for people.
    private static IResult Refusal(ShopOutcome outcome, int status, string detail) => Results.Problem(
        detail, statusCode: status, extensions: [new("outcome", JsonNamingPolicy.CamelCase.ConvertName(outcome.ToString()))]);
}

// Public, because AddValidation does not look into the properties of other types, and says nothing of it.

/// <summary>What comes to the stock, or leaves it when below zero.</summary>
public sealed class Delivery
{
    /// <summary>How many.</summary>
    [Range(-1_000_000, 1_000_000), DeniedValues(0, ErrorMessage = "{0} must not be 0")]
    public required int Count { get; init; }
}

/// <summary>What comes into a cart, or leaves it when the count is below zero.</summary>
public sealed class NewLine
{
    /// <summary>Of what.</summary>
    [Name]
    public required string Article { get; init; }

    /// <summary>How many.</summary>
    [Range(-1_000_000, 1_000_000), DeniedValues(0, ErrorMessage = "{0} must not be 0")]
    public required int Count { get; init; }
}

/// <summary>An article as it is told: all there are, how many of them are in carts, and how many are free.</summary>
internal sealed record StockView(string Article, long Count, long InCarts, long Free)
{
    public static StockView Of(string article, StockItem item) => new(article, item.Count, item.InCarts, item.Free);
}

/// <summary>One line of a cart.</summary>
internal sealed record LineView(string Cart, string Article, long Count);

/// <summary>A cart: how many of which article.</summary>
internal sealed record CartView(string Cart, bool CheckedOut, IReadOnlyDictionary<string, long> Lines);

/// <summary>Names of articles, carts and requests: they become parts of keys.</summary>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
internal sealed class NameAttribute() : ValidationAttribute("{0} must be 1 to 64 characters of A-Z, a-z, 0-9, '-', '_', '.'")
{
    public override bool IsValid(object? value) => value is string { Length: >= 1 and <= 64 } text && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
