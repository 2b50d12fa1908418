using System.Collections.Immutable;
using MultiDc.Grains;
using MultiDc.Server.Openings;
using MultiDc.Server.Replacements;
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

        Deliver(frame, frame.Sender.Id, target);
    }

    bool ILocalReplica.TryTake(ReplicaFrame frame)
    {
        if (pump is not { } target || frame.Shard != address.Shard)
        {
            return false;
        }

        var sender = frame.Sender;
        if (!judge.ListensTo(sender, frame.StoreId, frame.Epoch, frame.OpeningId))
        {
            return false;
        }

        Deliver(frame, sender.Id, target);
        return true;
    }

    void ILocalReplica.Miss(DatacenterId datacenter) => pump?.Miss(datacenter);

    Task ILocalReplica.HandOverLeadershipAsync() => pump?.HandOverLeadershipAsync() ?? Task.CompletedTask;

    private void Deliver(ReplicaFrame frame, ReplicaId sender, ReplicaPump target)
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

        members.Learn(sender, frame.From);
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

        return FrameMessages.Decode(chunk.Frame.Messages) is [SnapshotRequest request] && request.From == chunk.Frame.Sender.Id && request.To == id
            ? await target.TakeChunkAsync(request, chunk)
            : new SnapshotChunkReply(false);
    }

    public async Task<IntroductionReply> IntroduceAsync(
        DatacenterId from, Guid storeId, ImmutableArray<DatacenterId> witnesses, SiloCredential credential, int ordinal)
    {
        gate.Require(credential);
        var place = RequireOther(new(from, Math.Max(1, ordinal)));
        RequireNotDropped();
        return await founder.AnswerAsync(address, place, storeId, witnesses.IsDefault ? [] : witnesses);
    }

    public async Task<PresentationReply> PresentAsync(DatacenterId from, Presentation presentation, SiloCredential credential)
    {
        gate.Require(credential);
        var other = GroupMember.Of(address.Shard, from, presentation.Member, presentation.StoreId);
        var place = RequireOther(other.Replica.Place);
        RequireNotDropped();
        if (!await founder.MaySpeakForAsync(address))
        {
            throw new InvalidOperationException($"store {records.StoreId} is not the home of replica {address} and cannot speak for it");
        }

        var self = await records.GetMemberAsync(address);

        // Who was replaced, or is not added yet. A group that is not known yet knows nobody.
        var group = pump?.Status.Configuration ?? recovered;
        if (group.Voters.Length > 0 && !group.Contains(other.Id))
        {
            return Reply(PresentationVerdict.NotAMember, $"replica {address} does not know {other} as a member of its group");
        }

        var isNew = !judge.ListensTo(other, presentation.StoreId, presentation.Epoch, presentation.OpeningId);
        var (verdict, why) = await judge.JudgeAsync(other, presentation);
        if (isNew && verdict == PresentationVerdict.Accepted)
        {
            presenter?.PresentTo(place);
        }

        // A group that is silent does not notice that its leader is gone.
        pump?.Wake();
        return Reply(verdict, why);

        PresentationReply Reply(PresentationVerdict verdict, string why) => new(records.StoreId, verdict, why, pump?.Status.Leader?.Datacenter)
        {
            LeaderOrdinal = pump?.Status.Leader is { IsFirst: false } leader ? leader.Ordinal : 0,
            Member = self.ToWire(),
            IsNewcomer = !self.IsFounder && !group.IsVoter(self.Id),
        };
    }

    public async Task<JoinReply> JoinAsync(DatacenterId from, Guid storeId, bool isWitness, SiloCredential credential, int ordinal)
    {
        gate.Require(credential);
        return await JoinAsync(RequireOther(new(from, Math.Max(1, ordinal))), storeId, isWitness);
    }

    public async Task<bool> EndIfDroppedAsync(SiloCredential credential)
    {
        gate.Require(credential);

        // Whoever asks may have told the datacenter's ring grain just now, and not this silo.
        if (!policies.HasDropped(address.Shard.Keyspace) && await GrainFactory.GetGrain<IRingGrain>(links.Local.Value).GetSnapshotAsync(policies.Ring.Version) is { } ring)
        {
            policies.Learn(ring);
        }

        // Only the store that votes can say that it does no more.
        return policies.HasDropped(address.Shard.Keyspace)
            && (await founder.GetHomeAsync(address) is not { } home || home.StoreId == records.StoreId)
            && await drops.EndAsync(address);
    }

    private async Task<JoinReply> JoinAsync(ReplicaPlace from, Guid storeId, bool isWitness)
    {
        var replica = ReplicaAddress.Of(address.Shard, from);
        var next = GroupMembers.IdOf(from, storeId);
        if (pump is not { } leader || leader.Status is not { Role: RaftRole.Leader } status)
        {
            return new(JoinOutcome.NotLeader, false, $"replica {address} does not lead");
        }

        var plan = ReplacementPlan.Next(status.Configuration, status.IsConfigurationCommitted, replica, next, isWitness);
        if (plan.Refusal is { } refusal)
        {
            return new(JoinOutcome.Refused, false, refusal);
        }

        if (plan.IsSettled)
        {
            return new(JoinOutcome.Settled, true, "");
        }

        if (plan.Changes.Count == 0)
        {
            return UnderWay("another change of the group's membership is under way");
        }

        // Asked before each step: since the last one the ring may have named another.
        var home = await founder.GetHomeAsync(replica);
        if (home is not { IsReplacement: true } || home.StoreId != storeId)
        {
            return new(JoinOutcome.NotTheHome, false, $"the home of replica {replica} is store {home?.StoreId}, as the ring says");
        }

        var changed = await leader.ChangeConfigurationAsync(plan.Changes, ConfigurationTransition.Auto).WaitAsync(ChangeTimeout, time);
        LogReplacing(logger, address, replica, storeId, string.Join(", ", plan.Changes.Select(static change => change.Kind)), changed);
        return UnderWay($"{string.Join(", ", plan.Changes.Select(static change => change.Kind))}: {changed}");

        JoinReply UnderWay(string why) => new(JoinOutcome.UnderWay, leader.Status.Configuration.Contains(next), why);
    }

    // Another group, another store, another opening than the last that was accepted here: an older one is a zombie's.
    private async ValueTask<bool> IsStrangerAsync(ReplicaFrame frame) =>
        frame.Shard != address.Shard || !await judge.ListensToAsync(frame.Sender, frame.StoreId, frame.Epoch, frame.OpeningId);

    private void RequireNotDropped()
    {
        if (DroppedOrNull is { } dropped)
        {
            throw new InvalidOperationException($"{dropped.Detail}: nobody speaks for replica {address}");
        }
    }

    private ReplicaPlace RequireOther(ReplicaPlace from) => from != address.Place && links.Datacenters.Contains(from.Datacenter)
        ? from
        : throw new ArgumentException($"'{from}' is the place of no other replica in a datacenter of this system");

    [LoggerMessage(1065, LogLevel.Information, "Replica {Replica} leads the replacement of {Replaced} by store {StoreId}: {Changes}: {Outcome}")]
    private static partial void LogReplacing(ILogger logger, ReplicaAddress replica, ReplicaAddress replaced, Guid storeId, string changes, WriteResult outcome);

    [LoggerMessage(1062, LogLevel.Warning, "Replica {Replica}: a frame from {Datacenter} is not readable")]
    private static partial void LogUnreadable(ILogger logger, ReplicaAddress replica, DatacenterId datacenter, Exception exception);
}
