using System.Collections.Immutable;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Server.Replication;
using MultiDc.Server.Trust;
using MultiDc.Storage;

namespace MultiDc.Server.Founding;

/// <summary>How an attempt to open a replica ended.</summary>
internal abstract record FoundingResult;

/// <summary>The replica is open, and must present itself before it takes part.</summary>
/// <param name="Storage">The opening.</param>
/// <param name="Descriptor">What it is a replica of.</param>
/// <param name="OpeningId">A random name for this opening.</param>
internal sealed record Opened(IReplicaStorage Storage, ShardDescriptor Descriptor, Guid OpeningId) : FoundingResult
{
    /// <summary>Its Raft id when it came in the place of another; otherwise it is a founder.</summary>
    public ReplicaId? Replacement { get; init; }

    /// <summary>The group as the store knows it, committed or not.</summary>
    public GroupConfiguration Configuration => Storage.Recovered.Entries.LastOrDefault(static entry => entry.Kind == EntryKind.Configuration) is { } entry
        ? ConfigurationCodec.Decode(entry.Payload)
        : Storage.Recovered.Snapshot.Configuration;
}

/// <summary>Not yet: ask again soon.</summary>
internal sealed record NotYet(string Detail) : FoundingResult
{
    /// <summary>Whether it takes another silo of the datacenter, whose coming takes its time.</summary>
    public bool NeedsAnotherSilo { get; init; }
}

/// <summary>The store's database is not reached: ask again until it is.</summary>
internal sealed record StoreAway(string Detail) : FoundingResult;

/// <summary>The replica's home is another store, or this one forgot what it had said. It must never vote in the replica's name.</summary>
internal sealed record Refused(string Detail) : FoundingResult
{
    /// <summary>Whether a silo is configured wrongly, which no other home of the replica mends.</summary>
    public bool IsMisconfigured { get; init; }
}

/// <summary>The replica's keyspace was dropped. There is nothing to open, and never will be.</summary>
internal sealed record KeyspaceDropped(string Detail) : FoundingResult;

/// <summary>
/// Opens replicas, and decides which store may found one. A replica that votes, forgets and votes again breaks Raft, and an actor that is
/// activated over an empty store has forgotten everything. So a replica has one home: before it is founded it introduces its store to the
/// other replicas of its group, each of which remembers, durably and for good, the first store it is told of; it is founded once a
/// majority of <em>the others</em> remember this very store. Two such majorities share a member, which remembers one of them, so a wiped or
/// other store in the same datacenter is refused, and its group goes on without it. All others must therefore be up when a group of three
/// is founded, but never again.
/// <para>
/// That holds while a member is one memory. Where a datacenter has several silos, the stores beside the homes have heard nothing, and when
/// all homes are away they would found the group anew among themselves, empty. So a replica's home is also claimed in the ring's shard,
/// once for the whole system, and the home of one of the replicas that a shard has in a datacenter becomes that of no other; and for the ring's own shard, a store that has seen a ring takes no part in founding it unless it had begun
/// before.
/// </para>
/// <para>
/// Which datacenters are witnesses is agreed on, too, because replicas that begin with different configurations are no group: of a keyspace the
/// ring tells it, of the ring's own shard the introductions compare it, and whoever has once agreed stays with it.
/// </para>
/// <para>
/// A store that asks for a replica whose home was retired (<see cref="HomeRegister"/>) is made its next home by the ring. It founds nothing: it opens
/// the replica with a Raft id of its own and knows no member, so that it has no vote before the group gives it one
/// (<see cref="Replacements.GroupJoiner"/>).
/// </para>
/// </summary>
internal sealed partial class ReplicaFounder(
    IReplicaStore store, ReplicaRecords records, IDatacenterLinks links, IGrainFactory grains, SiloGate gate, FoundingTurns turns, TimeProvider time,
    ILogger<ReplicaFounder> logger)
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ClaimTimeout = TimeSpan.FromSeconds(6);

    /// <summary>Waits for the replica's turn to be founded, which ends when the answer is disposed of. Null: it needs none, because it is founded, or is the ring's own, which all others need.</summary>
    public async ValueTask<IDisposable?> TakeTurnAsync(ReplicaAddress replica, CancellationToken cancellationToken) =>
        replica.Shard == ShardId.Ring || await records.GetDescriptorAsync(replica) is not null ? null : await turns.TakeAsync(cancellationToken);

    /// <summary>Opens the replica if this store is its home or can become it.</summary>
    public async Task<FoundingResult> TryOpenAsync(ReplicaAddress replica)
    {
        if (await records.IsDroppedAsync(replica))
        {
            return Dropped(replica);
        }

        if (await records.GetRolledBackAsync(replica, records.StoreId) is { } rolledBack)
        {
            return new Refused(rolledBack);
        }

        if (await records.GetReplacedByAsync(replica) is { } successor)
        {
            return ReplacedBy(replica, successor);
        }

        var descriptor = await records.GetDescriptorAsync(replica);
        if (descriptor is null)
        {
            var (found, problem) = await DescribeAsync(replica);
            if (found is null)
            {
                return problem;
            }

            if (found.DescribeOtherWitnesses(links) is { } otherwise)
            {
                return RefusedOver(replica, otherwise);
            }

            if (!found.Places.Contains(replica.Place))
            {
                return new NotYet(found.Datacenters.Contains(replica.Datacenter)
                    ? $"keyspace '{replica.Shard.Keyspace}' has {found.ReplicasIn(replica.Datacenter)} replicas of a shard in datacenter {replica.Datacenter}, and not so many as {replica} says"
                    : $"keyspace '{replica.Shard.Keyspace}' has no replicas in datacenter {replica.Datacenter}");
            }

            if (await records.FindOtherAsync(replica, found.ReplicasIn(replica.Datacenter)) is { } other)
            {
                return new NotYet($"no store has two replicas of a shard, and this one, {records.StoreId}, has {other}: datacenter {replica.Datacenter} has too few silos, or they share a store")
                {
                    NeedsAnotherSilo = true,
                };
            }

            if (await BeginAsync(replica, found) is { } notBegun)
            {
                return notBegun;
            }

            if ((await records.GetMemberAsync(replica)).IsFounder && await FoundAsync(replica, found) is { } notFounded)
            {
                return notFounded;
            }

            await records.SetFoundedAsync(replica, found);
            LogFounded(logger, replica, records.StoreId);
            descriptor = found;
        }
        else if (descriptor.DescribeOtherWitnesses(links) is { } otherwise)
        {
            return RefusedOver(replica, otherwise);
        }

        var member = await records.GetMemberAsync(replica);

        // Creating is safe here even if the store crashed after the record: the replica cannot have spoken before it was created.
        var opened = await store.OpenAsync(new(replica.ToString()), new(member.IsFounder ? descriptor.Members.Configuration : GroupConfiguration.None));
        return new Opened(opened!, descriptor, Guid.NewGuid()) { Replacement = member.IsFounder ? null : member.Id };
    }

    /// <summary>The home of any replica, as the ring names it; null when it names none.</summary>
    /// <exception cref="Exception">The ring does not answer.</exception>
    public Task<ReplicaHome?> GetHomeAsync(ReplicaAddress replica) => Register.GetHomeAsync(replica.ToString(), gate.Own).WaitAsync(ClaimTimeout, time);

    /// <summary>Asks the ring whether another store has taken this one's place; if so it is remembered for good.</summary>
    /// <returns>Null when none has, or the ring does not answer.</returns>
    public async Task<Refused?> FindSuccessorAsync(ReplicaAddress replica)
    {
        ReplicaHome? home;
        try
        {
            home = await GetHomeAsync(replica);
        }
        catch (Exception exception)
        {
            LogNoWord(logger, replica, exception.Message);
            return null;
        }

        if (home is not { IsReplacement: true } || home.StoreId == records.StoreId)
        {
            return null;
        }

        await records.SetReplacedAsync(replica, home);
        return ReplacedBy(replica, home.StoreId);
    }

    /// <summary>Answers the introduction of another replica of the group in the name of <paramref name="replica"/>.</summary>
    /// <exception cref="InvalidOperationException">This store is not the replica's home and cannot speak for it.</exception>
    public async Task<IntroductionReply> AnswerAsync(ReplicaAddress replica, ReplicaPlace from, Guid storeId, ImmutableArray<DatacenterId> witnesses)
    {
        if (await records.IsDroppedAsync(replica))
        {
            throw new InvalidOperationException($"{Dropped(replica).Detail}: nobody speaks for replica {replica}");
        }

        if (!(await records.GetMemberAsync(replica)).IsFounder && replica.Shard == ShardId.Ring)
        {
            // It remembers no home, so its word founds nothing; but there is a group, as the caller is told.
            return new(records.StoreId, default, null);
        }

        if (!(await records.GetMemberAsync(replica)).IsFounder || !await (replica.Shard == ShardId.Ring ? TryBeginRingAsync(replica) : records.IsClaimedAsync(replica)))
        {
            throw new InvalidOperationException($"store {records.StoreId} is not the home of replica {replica} and cannot speak for it");
        }

        return replica.Shard == ShardId.Ring && await AgreeOnWitnessesAsync(replica, witnesses) is { } others
            ? new(records.StoreId, default, others)
            : new(records.StoreId, await records.RememberHomeAsync(ReplicaAddress.Of(replica.Shard, from), storeId), null);
    }

    /// <summary>Whether this store's memory of the other replicas is that of <paramref name="replica"/>.</summary>
    public async ValueTask<bool> MaySpeakForAsync(ReplicaAddress replica) =>
        await records.GetHoldingAsync(replica) >= (replica.Shard == ShardId.Ring ? ReplicaHolding.Founding : ReplicaHolding.Claimed)
        && await records.GetRolledBackAsync(replica, records.StoreId) is null;

    // Remembered before the replica speaks or is spoken for, hence before there can be a ring to see.
    private async ValueTask<bool> TryBeginRingAsync(ReplicaAddress replica)
    {
        if (await records.GetHoldingAsync(replica) == ReplicaHolding.Nothing)
        {
            if (await records.HasSeenRingAsync())
            {
                return false;
            }

            await records.SetFoundingAsync(replica);
        }

        return true;
    }

    // Null: agreed, for good. Otherwise the witnesses that this store knows.
    private async ValueTask<ImmutableArray<DatacenterId>?> AgreeOnWitnessesAsync(ReplicaAddress replica, ImmutableArray<DatacenterId> witnesses)
    {
        var own = await records.GetDescriptorAsync(replica) ?? await records.GetAgreedRingAsync() ?? ConfiguredRing;
        if (own.Witnesses.SequenceEqual(witnesses))
        {
            own = await records.AgreeOnRingAsync(own);
        }

        return own.Witnesses.SequenceEqual(witnesses) ? null : own.Witnesses;
    }

    private ShardDescriptor ConfiguredRing => new(HashRange.Full, [.. links.Datacenters.Order()], links.Witnesses);

    private async Task<FoundingResult?> BeginAsync(ReplicaAddress replica, ShardDescriptor found)
    {
        if (replica.Shard == ShardId.Ring)
        {
            return await TryBeginRingAsync(replica)
                ? null
                : await ReplaceRingAsync(replica, new($"the home of replica {replica} is another store than this, {records.StoreId}, which has seen the ring of others"));
        }

        await records.SetFoundingAsync(replica);
        return await ClaimAsync(replica, found);
    }

    private async Task<FoundingResult?> ClaimAsync(ReplicaAddress replica, ShardDescriptor found)
    {
        if (await records.IsClaimedAsync(replica))
        {
            return null;
        }

        ReplicaHome? home;
        try
        {
            ImmutableArray<string> apartFrom = [.. found.Places.Where(place => place.Datacenter == replica.Datacenter && place != replica.Place).Select(place => ReplicaAddress.Of(replica.Shard, place).ToString())];
            home = await Register.ClaimAsync(replica.ToString(), records.StoreId, mayFound: true, gate.Own, apartFrom).WaitAsync(ClaimTimeout, time);
        }
        catch (Exception exception)
        {
            return new NotYet($"the ring does not take the claim to be the home of {replica}: {exception.Message}");
        }

        if (home?.StoreId != records.StoreId)
        {
            return home is { } other ? RefusedFor(replica, other.StoreId) : new NotYet($"the ring does not take the claim to be the home of {replica}");
        }

        if (home.IsReplacement)
        {
            await records.SetReplacementAsync(replica, home);
        }
        else
        {
            await records.SetClaimedAsync(replica);
        }

        return null;
    }

    private async Task<FoundingResult?> FoundAsync(ReplicaAddress replica, ShardDescriptor found) =>
        await IntroduceAsync(replica, found) is not { } notFounded ? null
        : notFounded is Refused { IsMisconfigured: false } refused && replica.Shard == ShardId.Ring ? await ReplaceRingAsync(replica, refused)
        : notFounded;

    // The ring's own shard holds the register, so whoever can ask it need not found it.
    private async Task<FoundingResult?> ReplaceRingAsync(ReplicaAddress replica, Refused refused)
    {
        try
        {
            var home = await Register.ClaimAsync(replica.ToString(), records.StoreId, mayFound: false, gate.Own, []).WaitAsync(ClaimTimeout, time);
            if (home is not { IsReplacement: true } || home.StoreId != records.StoreId)
            {
                return refused;
            }

            await records.SetReplacementAsync(replica, home);
            return null;
        }
        catch (Exception exception)
        {
            LogNoWord(logger, replica, exception.Message);
            return refused;
        }
    }

    private IHomeRegisterGrain Register => grains.GetGrain<IHomeRegisterGrain>(links.Local.Value);

    private static KeyspaceDropped Dropped(ReplicaAddress replica) => new($"keyspace '{Names.KeyspaceOf(replica.Shard.Keyspace)}' was dropped");

    private Refused ReplacedBy(ReplicaAddress replica, Guid successor) => new(
        $"store {successor} has taken the place of this one, {records.StoreId}, as the home of replica {replica}: this one is never listened to again");

    private Refused RefusedFor(ReplicaAddress replica, Guid home) => new(
        $"the home of replica {replica} is store {home}, this is store {records.StoreId}: "
        + "it must not vote in its name. Bring the store back, or replace the replica");

    private static Refused RefusedOver(ReplicaAddress replica, string otherwise) => new($"replica {replica}: {otherwise}") { IsMisconfigured = true };

    private async Task<(ShardDescriptor? Descriptor, FoundingResult Problem)> DescribeAsync(ReplicaAddress replica)
    {
        var shard = replica.Shard;
        if (shard == ShardId.Ring)
        {
            return await records.GetAgreedRingAsync() is { } agreed && !agreed.Witnesses.SequenceEqual(links.Witnesses)
                ? (null, RefusedOver(replica, ShardDescriptor.DescribeOtherWitnesses("its store has agreed with another datacenter on", agreed.Witnesses, links.Witnesses)))
                : (ConfiguredRing, null!);
        }

        RingSnapshot? ring;
        try
        {
            ring = await grains.GetGrain<IRingGrain>(links.Local.Value).GetSnapshotAsync(default).WaitAsync(CallTimeout, time);
        }
        catch (Exception exception)
        {
            return (null, new NotYet($"the ring does not answer: {exception.Message}"));
        }

        if (ring is null)
        {
            return (null, new NotYet("the ring is not known yet"));
        }

        return ring.HasDropped(shard.Keyspace) ? (null, Dropped(replica))
            : !ring.TryGetGroup(shard.Keyspace, out var keyspace) ? (null, new NotYet($"there is no keyspace '{shard.Keyspace}'"))
            : shard.Number >= keyspace.ShardCount ? (null, new NotYet($"keyspace '{shard.Keyspace}' has {keyspace.ShardCount} shards"))
            : (new(keyspace.RangeOf(shard.Number), keyspace.Datacenters, keyspace.Witnesses.IsDefault ? [] : keyspace.Witnesses)
            {
                Replicas = keyspace.HasOneReplicaEach ? [] : keyspace.Replicas,
            }, null!);
    }

    private async Task<FoundingResult?> IntroduceAsync(ReplicaAddress replica, ShardDescriptor descriptor)
    {
        var peers = descriptor.Places.Where(place => place != replica.Place).ToArray();
        if (peers.Length == 0)
        {
            return null;
        }

        var answers = await Task.WhenAll(peers.Select(other => IntroduceAsync(replica, other, descriptor.Witnesses)));
        if (answers.FirstOrDefault(static a => a?.OtherWitnesses is not null)?.OtherWitnesses is { } others)
        {
            return RefusedOver(replica, ShardDescriptor.DescribeOtherWitnesses("another datacenter has", others, descriptor.Witnesses));
        }

        if (answers.FirstOrDefault(a => a is not null && a.HomeOfCaller != records.StoreId) is { } refusal)
        {
            return refusal.HomeOfCaller == default
                ? new Refused($"store {refusal.StoreId} came in the place of a founder of {replica.Shard}: this is store {records.StoreId}, which has no part in it")
                : RefusedFor(replica, refusal.HomeOfCaller);
        }

        var remembering = answers.Count(a => a is not null);
        return remembering > peers.Length / 2
            ? null
            : new NotYet($"{remembering} of {peers.Length} other replicas know this store as the home of {replica}; {(peers.Length / 2) + 1} are needed");
    }

    // Null: no answer, or one from a store that is not the home of the replica asked, whose word does not count.
    private async Task<IntroductionReply?> IntroduceAsync(ReplicaAddress replica, ReplicaPlace other, ImmutableArray<DatacenterId> witnesses)
    {
        var peerAddress = ReplicaAddress.Of(replica.Shard, other);
        if (!links.TryGetLink(other.Datacenter, out var link) || !link.TryGetGrain<IReplicaPeerGrain>(peerAddress.ToString(), out var peer))
        {
            return null;
        }

        try
        {
            var reply = await peer.IntroduceAsync(replica.Datacenter, records.StoreId, witnesses, gate.Own, replica.Ordinal).WaitAsync(CallTimeout, time);
            return reply.OtherWitnesses is not null || reply.HomeOfCaller == default || await records.RememberHomeAsync(peerAddress, reply.StoreId) == reply.StoreId ? reply : null;
        }
        catch (Exception exception)
        {
            LogNoAnswer(logger, replica, other, exception.Message);
            return null;
        }
    }

    [LoggerMessage(1040, LogLevel.Information, "Replica {Replica} is founded on store {StoreId}")]
    private static partial void LogFounded(ILogger logger, ReplicaAddress replica, Guid storeId);

    [LoggerMessage(1042, LogLevel.Debug, "Replica {Replica}: the ring does not say which store is its home: {Reason}")]
    private static partial void LogNoWord(ILogger logger, ReplicaAddress replica, string reason);

    [LoggerMessage(1041, LogLevel.Debug, "Replica {Replica}: no answer from {Other} to its introduction: {Reason}")]
    private static partial void LogNoAnswer(ILogger logger, ReplicaAddress replica, ReplicaPlace other, string reason);
}
