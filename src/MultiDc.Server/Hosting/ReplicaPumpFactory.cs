using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using MultiDc.Server.Founding;
using MultiDc.Server.Openings;
using MultiDc.Server.Replication;
using MultiDc.Server.Ring;
using MultiDc.Server.Watching;

namespace MultiDc.Server.Hosting;

/// <summary>Builds and starts pumps with what all replicas of the silo share.</summary>
internal sealed class ReplicaPumpFactory(
    IOptions<MultiDcOptions> options, KeyspacePolicies policies, ReplicaRecords records, OpeningJudge judge, IRaftTransport transport, ITickSource ticks, PumpScheduler scheduler, HistoryBudget budget,
    TimeProvider time, ReplicaMetrics metrics, ILogger<ReplicaPump> logger)
{
    public ReplicaPump Start(
        ReplicaAddress address, Opened opened, GroupMembers members, Func<ReplicaPlace, CancellationToken, Task<ImmutableArray<RemainingLease>>>? askAboutLeases = null)
    {
        var self = new GroupMember(address, opened.Replacement ?? GroupMembers.IdOf(address.Place));
        var sender = new ReplicaSender(address, records.StoreId, opened.Storage.Epoch, opened.OpeningId) { Member = self.ToWire(), Members = members };
        var pump = new ReplicaPump(
            sender,
            members,
            opened.Descriptor.Range,
            new RaftNodeOptions
            {
                Id = self.Id,
                ElectionTimeoutTicks = options.Value.ElectionTimeoutTicks,
                HeartbeatTicks = options.Value.HeartbeatTicks,
                QuiesceAfterTicks = options.Value.QuiesceAfterTicks,

                // Nobody reads from followers, and writes wait for none of them to apply.
                TellCommitAtOnce = false,
                AppendWhilePersisting = true,
                Lease = options.Value.LeaderLeases ? LeaseOptions(options.Value) : null,
            },
            new ReplicaPumpOptions
            {
                UnsafeReadsWithoutReadIndex = options.Value.UnsafeReadsWithoutReadIndex,
            },
            opened.Storage,
            transport,

            // Replicas must draw different election timeouts; nobody needs to repeat a production run's.
            new SeededRandomSource(BitConverter.ToUInt64(Guid.NewGuid().ToByteArray())),
            time,
            metrics,
            logger)
        {
            AskAboutLeases = askAboutLeases,
            PreferredLeaders = () => policies.LeadersOf(address.Shard.Keyspace),
            History = new(
                new()
                {
                    MaxBytes = options.Value.WatchHistoryBytesPerReplica,
                    MaxWaiting = options.Value.MaxWaitingWatchers,
                    UnsafeResumeFromNow = options.Value.UnsafeWatchesResumeFromNow,
                },
                budget,
                metrics),
            Heard = (message, termAtMatch) =>
            {
                if (members.PlaceOf(message.From) is { } from)
                {
                    judge.Hear(new(ReplicaAddress.Of(address.Shard, from), message.From), Promises.Of(message, termAtMatch));
                }
            },
        };
        pump.Start(scheduler, ticks);

        // A silent group ticks no more, and would stay where it is.
        var watching = policies.WhenLeadersChange(address.Shard.Keyspace, pump.Wake);
        var sizing = metrics.WatchSize(Names.KeyspaceOf(address.Shard.Keyspace), () => pump.Status.Role == RaftRole.Leader ? pump.StateBytes : null);
        pump.Completion.ContinueWith(
            _ =>
            {
                watching.Dispose();
                sizing.Dispose();
            },
            CancellationToken.None,
            TaskContinuationOptions.None,
            TaskScheduler.Default);
        return pump;
    }

    private static LeaseOptions LeaseOptions(MultiDcOptions options) => new()
    {
        TickNanoseconds = (long)options.TickInterval.TotalNanoseconds,
        MaxDriftPpm = options.LeaseMaxDriftPpm,
        MarginNanoseconds = (long)options.LeaseMargin.TotalNanoseconds,
    };
}
