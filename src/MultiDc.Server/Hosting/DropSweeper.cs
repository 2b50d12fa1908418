using Microsoft.Extensions.Hosting;
using MultiDc.Server.Founding;
using MultiDc.Server.Ring;

namespace MultiDc.Server.Hosting;

/// <summary>Ends what the store still has of dropped keyspaces: of those that were dropped while the silo was down, as soon as it knows the ring, and of all others when it learns of it.</summary>
internal sealed partial class DropSweeper(KeyspacePolicies policies, DroppedReplicas drops, TimeProvider time, ILogger<DropSweeper> logger) : BackgroundService
{
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var changed = new SemaphoreSlim(0, 1);
        using var watching = policies.WhenAnyDropped(() =>
        {
            try
            {
                changed.Release();
            }
            catch (SemaphoreFullException)
            {
                // It will look anyhow.
            }
        });
        if (policies.Ring.LastDrop.Value == 0)
        {
            await changed.WaitAsync(stoppingToken);
        }

        while (true)
        {
            var isDone = false;
            try
            {
                isDone = await drops.SweepAsync(stoppingToken);
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogNotSwept(logger, exception);
            }

            await (isDone ? changed.WaitAsync(stoppingToken) : Task.Delay(RetryPeriod, time, stoppingToken));
        }
    }

    [LoggerMessage(1121, LogLevel.Warning, "What the store has of dropped keyspaces could not be looked for")]
    private static partial void LogNotSwept(ILogger logger, Exception exception);
}
