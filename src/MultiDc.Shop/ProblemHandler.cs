using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;

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

/// <summary>Tells what kept a request from being decided, and honestly: "unknown" is never told as "not done".</summary>
internal sealed class ProblemHandler(IProblemDetailsService problems) : IExceptionHandler
{
    public ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
    {
        var problem = new ProblemDetails { Detail = exception.Message };
        switch (exception)
        {
            case BadHttpRequestException bad:
                problem.Status = bad.StatusCode;
                break;
            case ShopUnavailableException unavailable:
                problem.Status = StatusCodes.Status503ServiceUnavailable;
                problem.Extensions["outcome"] = unavailable.MayHaveHappened ? "unknown" : "notDone";
                context.Response.Headers.RetryAfter = "1";
                break;
            default:
                return ValueTask.FromResult(false);
        }

        context.Response.StatusCode = problem.Status.Value;
        return problems.TryWriteAsync(new() { HttpContext = context, ProblemDetails = problem });
    }
}
