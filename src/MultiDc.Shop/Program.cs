using Microsoft.AspNetCore.Diagnostics;
using MultiDc.Client.Hosting;
using MultiDc.Routing.Links;
using MultiDc.Shop;

// A shop's stock and carts. The same web app runs in every datacenter; each finds its own datacenter first, another when that one is gone.
var builder = WebApplication.CreateBuilder(args);
builder.Services.AddMultiDcClient(builder.Configuration);
builder.Services.AddSingleton(builder.Configuration.GetSection("Shop").Get<ShopOptions>() ?? new());
builder.Services.AddSingleton<ShopStore>();

var app = builder.Build();
app.UseExceptionHandler(new ExceptionHandlerOptions
{
    ExceptionHandler = static context => (context.Features.Get<IExceptionHandlerFeature>()?.Error is ShopUnavailableException unavailable
        ? Results.Problem(unavailable.Message, statusCode: StatusCodes.Status503ServiceUnavailable)
        : Results.Problem(statusCode: StatusCodes.Status500InternalServerError)).ExecuteAsync(context),
});

app.MapPut("/stock/{article}", async (string article, int count, ShopStore shop, CancellationToken cancellationToken) =>
    count < 0 ? BelowZero()
        : Answer(await shop.SetStockAsync(article, count, cancellationToken), $"more than {count} of {article} are in carts"));

app.MapGet("/stock/{article}", async (string article, ShopStore shop, CancellationToken cancellationToken) =>
{
    var item = await shop.GetStockAsync(article, cancellationToken);
    return Results.Ok(new { item.Count, item.Free });
});

app.MapPut("/carts/{cart}/{article}", async (string cart, string article, int count, ShopStore shop, CancellationToken cancellationToken) =>
    count < 0 ? BelowZero()
        : Answer(await shop.PutInCartAsync(cart, article, count, cancellationToken), $"there are not {count} of {article}"));

app.MapGet("/carts/{cart}", async (string cart, ShopStore shop, CancellationToken cancellationToken) => await shop.GetCartAsync(cart, cancellationToken));

app.MapGet("/health", (IDatacenterLinks links) => links.Datacenters.Select(datacenter =>
    links.TryGetLink(datacenter, out var link) ? new { Name = datacenter.Value, Own = datacenter == links.Local, Up = link.IsUp, RoundTripMs = link.RoundTripTime?.TotalMilliseconds } : null));

app.Run();

static IResult BelowZero() => Results.Problem("count is below zero", statusCode: StatusCodes.Status400BadRequest);

static IResult Answer(ShopOutcome outcome, string notEnough) =>
    outcome == ShopOutcome.Done ? Results.NoContent() : Results.Problem(notEnough, statusCode: StatusCodes.Status409Conflict);
