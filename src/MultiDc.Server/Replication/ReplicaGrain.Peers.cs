using System.Collections.Immutable;
using MultiDc.Server.Openings;
using MultiDc.Server.Transport;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Replication;

/// <summary>What the other replicas of the group say to this one. Nothing is heeded that no silo of the system says.</summary>
internal sealed partial class ReplicaGrain
{
    public async Task DeliverAsync(ReplicaFrame frame, SiloCredential credential)
    {
        gate.Require(credential);
        if (pump is not { } target || await IsStrangerAsync(frame))
        {
            metrics.MessagesDropped.Add(1, new KeyValuePair<string, object?>("reason", pump is null ? "not_running" : "stranger"));
            return;
        }

        Deliver(frame, target);
    }

    bool ILocalReplica.TryTake(ReplicaFrame frame)
    {
        if (pump is not { } target || frame.Shard != address.Shard
            || !judge.ListensTo(new(frame.Shard, frame.From), frame.StoreId, frame.Epoch, frame.OpeningId))
        {
            return false;
        }

        Deliver(frame, target);
        return true;
    }

    void ILocalReplica.Miss(DatacenterId datacenter) => pump?.Miss(datacenter);

    Task ILocalReplica.HandOverLeadershipAsync() => pump?.HandOverLeadershipAsync() ?? Task.CompletedTask;

    private void Deliver(ReplicaFrame frame, ReplicaPump target)
    {
        List<RaftMessage> messages;
        try
        {
            messages = FrameMessages.Decode(frame.Messages);
        }
        catch (CodecException exception)
        {
            metrics.MessagesDropped.Add(1, new KeyValuePair<string, object?>("reason", "unreadable"));
            LogUnreadable(logger, address, frame.From, exception);
            return;
        }

        var sender = GroupMembers.IdOf(frame.From);
        foreach (var message in messages)
        {
            // Nobody speaks in another's name.
            if (message.From == sender && message.To == id)
            {
                target.TryDeliver(message);
            }
        }
    }

    public async Task<SnapshotChunkReply> DeliverChunkAsync(SnapshotChunk chunk, SiloCredential credential)
    {
        gate.Require(credential);
        if (pump is not { } target || await IsStrangerAsync(chunk.Frame))
        {
            return new(false);
        }

        return FrameMessages.Decode(chunk.Frame.Messages) is [SnapshotRequest request] && request.From == GroupMembers.IdOf(chunk.Frame.From)
            ? await target.TakeChunkAsync(request, chunk)
            : new SnapshotChunkReply(false);
    }

    public async Task<IntroductionReply> IntroduceAsync(DatacenterId from, Guid storeId, ImmutableArray<DatacenterId> witnesses, SiloCredential credential)
    {
        gate.Require(credential);
        RequireOther(from);
        return await founder.AnswerAsync(address, from, storeId, witnesses.IsDefault ? [] : witnesses);
    }

    public async Task<PresentationReply> PresentAsync(DatacenterId from, Presentation presentation, SiloCredential credential)
    {
        gate.Require(credential);
        RequireOther(from);
        if (!await founder.MaySpeakForAsync(address))
        {
            throw new InvalidOperationException($"store {records.StoreId} is not the home of replica {address} and cannot speak for it");
        }

        var other = new ReplicaAddress(address.Shard, from);
        var isNew = !judge.ListensTo(other, presentation.StoreId, presentation.Epoch, presentation.OpeningId);
        var (verdict, why) = await judge.JudgeAsync(other, presentation);
        if (isNew && verdict == PresentationVerdict.Accepted)
        {
            presenter?.PresentTo(from);
        }

        // A group that is silent does not notice that its leader is gone.
        pump?.Wake();
        return new(records.StoreId, verdict, why, pump?.Status.Leader);
    }

    // Another group, another store, another opening than the last that was accepted here: an older one is a zombie's.
    private async ValueTask<bool> IsStrangerAsync(ReplicaFrame frame) =>
        frame.Shard != address.Shard || !await judge.ListensToAsync(new(frame.Shard, frame.From), frame.StoreId, frame.Epoch, frame.OpeningId);

    private void RequireOther(DatacenterId from)
    {
        if (from == address.Datacenter || !links.Datacenters.Contains(from))
        {
            throw new ArgumentException($"'{from}' is no other datacenter of this system");
        }
    }

    [LoggerMessage(1062, LogLevel.Warning, "Replica {Replica}: a frame from {Datacenter} is not readable")]
    private static partial void LogUnreadable(ILogger logger, ReplicaAddress replica, DatacenterId datacenter, Exception exception);
}
