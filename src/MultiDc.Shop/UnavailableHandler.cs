using Microsoft.AspNetCore.Diagnostics;

namespace MultiDc.Shop;

/// <summary>
/// No majority of datacenters answered in time. The caller may repeat the request as it is, here or at the web app of another datacenter: its
/// request id keeps it from happening twice.
/// </summary>
/// <param name="mayHaveHappened">Whether what was asked may have happened, or may yet happen.</param>
/// <param name="detail">Why, in a sentence for people.</param>
internal sealed class ShopUnavailableException(bool mayHaveHappened, string detail) : Exception(detail)
{
    public bool MayHaveHappened => mayHaveHappened;
}

/// <summary>Tells <see cref="ShopUnavailableException"/> as a 503, and honestly: "unknown" is never told as "not done".</summary>
internal sealed class UnavailableHandler(IProblemDetailsService problems) : IExceptionHandler
{
    public ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not ShopUnavailableException unavailable)
        {
            return ValueTask.FromResult(false);
        }

        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "1";
        return problems.TryWriteAsync(new()
        {
            HttpContext = context,
            ProblemDetails =
            {
                Status = StatusCodes.Status503ServiceUnavailable,
                Detail = unavailable.Message,
                Extensions = { ["outcome"] = unavailable.MayHaveHappened ? "unknown" : "notDone" },
            },
        });
    }
}
