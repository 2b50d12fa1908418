using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Openings;
using MultiDc.Server.Replication;
using MultiDc.Server.Transport;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Hosting;

/// <summary>
/// Activates replicas of this silo a second time, beside the activation that runs and knows nothing of it: opens the store, presents the opening
/// and takes part, until the first activation's successor does the same to it. For drills; see <see cref="MultiDcOptions.UnsafeSecondActivationPeriod"/>.
/// </summary>
internal sealed partial class SecondActivations(
    ReplicaFounder founder, ReplicaRecords records, OpeningJudge judge, ReplicaPumpFactory pumps, LocalReplicas locals, IDatacenterLinks links, SiloGate gate,
    IOptions<MultiDcOptions> options, TimeProvider time, ReplicaMetrics metrics, ILogger<SecondActivations> logger) : BackgroundService
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Value.UnsafeSecondActivationPeriod, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            ReplicaAddress[] running = [.. locals.All];
            if (running.Length == 0)
            {
                continue;
            }

            var replica = running[Random.Shared.Next(running.Length)];
            try
            {
                if (await founder.TryOpenAsync(replica) is Opened opened)
                {
                    await ActivateAsync(replica, opened, stoppingToken);
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogEnded(logger, replica, exception.Message);
            }
        }
    }

    private async Task ActivateAsync(ReplicaAddress replica, Opened opened, CancellationToken stoppingToken)
    {
        LogActivated(logger, replica, opened.Storage.Epoch.Value);
        var isRunning = false;
        try
        {
            await using var presenting = new OpeningPresenter(replica, opened, records, links, gate.Own, metrics, time, logger);
            presenting.Start();
            await Task.WhenAny(presenting.Accepted, presenting.Refused, Task.Delay(Patience, time, stoppingToken));
            if (!presenting.Accepted.IsCompleted)
            {
                return;
            }

            var members = opened.Descriptor.Members;
            members.Follow(opened.Configuration);
            isRunning = true;
            await using var pump = pumps.Start(replica, opened, members);
            var second = new Second(new(replica, opened.Replacement ?? GroupMembers.IdOf(replica.Place)), pump, members, judge);
            locals.Add(replica, second);
            try
            {
                await Task.WhenAny(pump.Completion, presenting.Refused, Task.Delay(Patience, time, stoppingToken));
            }
            finally
            {
                locals.Remove(replica, second);
            }
        }
        finally
        {
            if (!isRunning)
            {
                await opened.Storage.DisposeAsync();
            }
        }
    }

    [LoggerMessage(1123, LogLevel.Warning, "Replica {Replica} is activated a second time on purpose, as opening {Epoch}")]
    private static partial void LogActivated(ILogger logger, ReplicaAddress replica, ulong epoch);

    [LoggerMessage(1124, LogLevel.Information, "The second activation of replica {Replica} ended: {Reason}")]
    private static partial void LogEnded(ILogger logger, ReplicaAddress replica, string reason);

    private sealed class Second(GroupMember self, ReplicaPump pump, GroupMembers members, OpeningJudge judge) : ILocalReplica
    {
        public bool TryTake(ReplicaFrame frame)
        {
            if (frame.Shard != self.Replica.Shard || !judge.ListensTo(frame.Sender, frame.StoreId, frame.Epoch, frame.OpeningId))
            {
                return false;
            }

            members.Learn(frame.Sender.Id, frame.From);
            foreach (var message in FrameMessages.Decode(frame.Messages).Where(message => message.From == frame.Sender.Id && message.To == self.Id))
            {
                pump.TryDeliver(message);
            }

            return true;
        }

        public void Miss(DatacenterId datacenter) => pump.Miss(datacenter);

        public Task HandOverLeadershipAsync() => pump.HandOverLeadershipAsync();
    }
}
