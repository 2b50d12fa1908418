using Microsoft.Extensions.Hosting;
using MultiDc.Server.Transport;

namespace MultiDc.Server.Hosting;

/// <summary>
/// When a silo is stopped in good order, what its replicas lead is handed over first (dissertation §3.10), so that nobody waits for an election. Registered
/// after the silo, hence stopped before it, while its connections still stand.
/// </summary>
internal sealed partial class LeadershipHandover(LocalReplicas locals, TimeProvider time, ILogger<LeadershipHandover> logger) : IHostedService
{
    // A follower that has caught up takes over in two round trips. Whoever has none stops as it is.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Given up even if a pump does not take its turn: a disk that hangs must not hold up the silo's end.
            await locals.HandOverLeadershipAsync().WaitAsync(Patience, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            LogNotHandedOver(logger, Patience.TotalMilliseconds);
        }
    }

    [LoggerMessage(1023, LogLevel.Information, "Not all that is led here was handed over within {Milliseconds} ms")]
    private static partial void LogNotHandedOver(ILogger logger, double milliseconds);
}
