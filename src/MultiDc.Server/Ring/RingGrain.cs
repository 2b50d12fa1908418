using System.Collections.Immutable;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;
using MultiDc.Server.Founding;
using MultiDc.Server.Hosting;
using MultiDc.Server.Placement;
using MultiDc.Server.Replication;
using MultiDc.Server.Trust;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Placement;
using Orleans.GrainDirectory;

namespace MultiDc.Server.Ring;

/// <summary>
/// Keeps one datacenter's view of the ring. The ring's truth is one key of the replicated shard <see cref="ShardId.Ring"/>: a change reads
/// it linearizably, makes the next snapshot and compares-and-sets it, so ring grains of all datacenters may write at once and none of them
/// is a single point of failure.
/// </summary>
[DatacenterPlacement, GrainDirectory(SiloLocalGrainDirectory.Name), KeepAlive, Immovable, Reentrant]
internal sealed partial class RingGrain(
    ShardRouter router, IDatacenterLinks links, ISiloTopology topology, DatacenterSiloChooser chooser, ILocalSiloDetails silo, IGrainFactory grains,
    ISiloStores stores, RingMemory memory, KeyspacePolicies policies, SiloGate gate, IOptions<MultiDcOptions> options, TimeProvider time, ILogger<RingGrain> logger) : Grain, IRingGrain, IHomeRegisterGrain
{
    private static readonly byte[] RingKey = "ring"u8.ToArray();
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private const int MaxChangeAttempts = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    // Less for replicas than for their datacenter: what it has to say is not lost with one that does not answer.
    private static readonly TimeSpan EndingPatience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan ReplicaEndingPatience = TimeSpan.FromSeconds(2.5);

    private readonly HashSet<ReplicaAddress> awake = [];
    private RingSnapshot? snapshot;
    private bool isRemembered;
    private bool refreshing;
    private bool hasToldOtherwise;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await UnlockedActivation.Begin();
        if (this.GetPrimaryKeyString() != links.Local.Value)
        {
            throw new ArgumentException($"'{this.GetPrimaryKeyString()}' is not this silo's datacenter, {links.Local}");
        }

        // As with replicas: callers that remember another place are sent on by an activation that ends.
        if (await chooser.IsElsewhereAsync(links.Local.Value, silo.SiloAddress))
        {
            DeactivateOnIdle();
            return;
        }

        // Of a silo that died the others of its datacenter have seen the ring, even if its shard is out of reach without that silo.
        var recalled = await memory.RecallAsync(this.GetGrainId());
        snapshot = policies.Ring is { Version.Value: > 0 } seen && !(recalled?.Version.Value > seen.Version.Value) ? seen : recalled;
        isRemembered = snapshot is not null;
        this.RegisterGrainTimer(
            static (grain, _) => grain.RefreshAsync(),
            this,
            new GrainTimerCreationOptions(TimeSpan.Zero, options.Value.RingRefreshPeriod) { Interleave = true, KeepAlive = true });
    }

    public Task<RingSnapshot?> GetSnapshotAsync(RingVersion newerThan) =>
        Task.FromResult(snapshot?.Version.Value > newerThan.Value ? snapshot : null);

    public async Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace)
    {
        var unknown = keyspace.Datacenters.FirstOrDefault(d => !links.Datacenters.Contains(d));
        if (keyspace.DescribeProblem() is { } problem)
        {
            return new Rejected(RejectionReason.InvalidArgument, problem);
        }

        if (unknown != default)
        {
            return new Rejected(RejectionReason.UnknownDatacenter, $"keyspace '{keyspace.Name}': there is no datacenter '{unknown}'");
        }

        if (Names.IsSystemKeyspace(keyspace.Name))
        {
            return new Rejected(RejectionReason.InvalidArgument, $"'{keyspace.Name}': names that begin with 'multidc.' are the system's own");
        }

        // A client need not know which datacenters are witnesses; one that does may not mean others.
        var witnesses = WitnessesOf(keyspace.Datacenters);
        if (!keyspace.Witnesses.IsDefaultOrEmpty && !keyspace.Witnesses.SequenceEqual(witnesses))
        {
            return new Rejected(RejectionReason.InvalidArgument, $"keyspace '{keyspace.Name}': {ShardDescriptor.DescribeOtherWitnesses("it is asked for with", keyspace.Witnesses, witnesses)}");
        }

        var complete = keyspace with { Witnesses = witnesses };
        if (complete.DescribeProblem() is { } withWitnesses)
        {
            return new Rejected(RejectionReason.InvalidArgument, withWitnesses);
        }

        try
        {
            return await ChangeAsync(ring => ring.WithKeyspace(complete));
        }
        catch (ArgumentException exception)
        {
            return new Rejected(RejectionReason.InvalidArgument, exception.Message);
        }
    }

    public Task<WriteResult> DefineKeyspaceAsync(KeyspaceDescriptor keyspace) => CreateKeyspaceAsync(keyspace);

    public async Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change)
    {
        try
        {
            return await ChangeAsync(ring => ring.WithChange(keyspace, change));
        }
        catch (KeyNotFoundException exception)
        {
            return new Rejected(RejectionReason.UnknownKeyspace, exception.Message);
        }
        catch (ArgumentException exception)
        {
            return new Rejected(RejectionReason.InvalidArgument, exception.Message);
        }
    }

    public async Task<WriteResult> DropKeyspaceAsync(string keyspace, ulong? incarnation)
    {
        if (Names.IsSystemKeyspace(keyspace))
        {
            return new Rejected(RejectionReason.InvalidArgument, $"keyspace '{keyspace}' is the system's own");
        }

        if (options.Value.Keyspaces.Any(configured => configured.Name == keyspace))
        {
            return new Rejected(
                RejectionReason.InvalidArgument, $"keyspace '{keyspace}' is in the configuration of the silos (MultiDc:Keyspaces), which would create it again at once: take it out of there first");
        }

        KeyspaceDescriptor? dropped = null;
        WriteResult changed;
        try
        {
            changed = await ChangeAsync(ring =>
            {
                var after = ring.WithoutKeyspace(keyspace, incarnation);
                dropped = ring.Keyspaces.First(k => k.Name == keyspace);
                return after;
            });
        }
        catch (KeyNotFoundException exception)
        {
            return new Rejected(RejectionReason.UnknownKeyspace, exception.Message);
        }

        if (changed is not Applied)
        {
            return changed;
        }

        LogDropped(logger, links.Local, dropped!.Group);
        var serving = await EndReplicasAsync(dropped);
        return serving == 0 ? changed : new Unknown(
            $"keyspace '{keyspace}' is dropped for good, but of {serving} of its {dropped.ShardCount} shards no majority of replicas has told yet that it has ended: they may serve until they learn of it");
    }

    public async Task<int[]> EndReplicasAsync(RingSnapshot ring, KeyspaceDescriptor keyspace, SiloCredential credential)
    {
        gate.Require(credential);
        if (snapshot is null || isRemembered || ring.Version.Value > snapshot.Version.Value)
        {
            Adopt(ring);
        }

        var begunAt = time.GetTimestamp();
        var ended = new List<int>();
        foreach (var replicas in ReplicasHere(keyspace).Chunk(64))
        {
            if (time.GetElapsedTime(begunAt) >= ReplicaEndingPatience)
            {
                // Nobody waits for more; the others end when their silos see the ring.
                break;
            }

            var answers = await Task.WhenAll(replicas.Select(EndAsync));
            ended.AddRange(replicas.Where((_, i) => answers[i]).Select(static replica => replica.Shard.Number));
        }

        return [.. ended];

        async Task<bool> EndAsync(ReplicaAddress replica)
        {
            try
            {
                awake.Remove(replica);
                var left = ReplicaEndingPatience - time.GetElapsedTime(begunAt);
                return await grains.GetGrain<IReplicaPeerGrain>(replica.ToString()).EndIfDroppedAsync(gate.Own).WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
            }
            catch (Exception exception)
            {
                LogNotEnded(logger, replica, exception.Message);
                return false;
            }
        }
    }

    // Of a shard of whose replicas a majority has ended, wherever they are, nothing is committed and no leadership confirmed any more. How many shards are not so far.
    private async Task<int> EndReplicasAsync(KeyspaceDescriptor keyspace)
    {
        var ring = snapshot!;
        var ended = new int[keyspace.ShardCount];
        var majority = (keyspace.Places.Length / 2) + 1;
        await foreach (var numbers in Task.WhenEach(keyspace.Datacenters.Select(EndInAsync)))
        {
            foreach (var number in await numbers)
            {
                ended[number]++;
            }

            if (ended.All(count => count >= majority))
            {
                break;
            }
        }

        if (options.Value.LeaderLeases && ended.Any(count => count < keyspace.Places.Length))
        {
            // What has not heard of it may lead by a lease that it got before the others ended.
            await Task.Delay(options.Value.TickInterval * options.Value.ElectionTimeoutTicks, time);
        }

        return ended.Count(count => count < majority);

        async Task<int[]> EndInAsync(DatacenterId datacenter)
        {
            if (!links.TryGetLink(datacenter, out var link) || !link.TryGetGrain<IHomeRegisterGrain>(datacenter.Value, out var there))
            {
                return [];
            }

            try
            {
                return await there.EndReplicasAsync(ring, keyspace, gate.Own).WaitAsync(EndingPatience, time);
            }
            catch (Exception exception)
            {
                LogNotTold(logger, datacenter, keyspace.Group, exception.Message);
                return [];
            }
        }
    }

    public Task<ReplicaHome?> ClaimAsync(string replica, Guid storeId, bool mayFound, SiloCredential credential, ImmutableArray<string> apartFrom)
    {
        gate.Require(credential);
        return Homes.ClaimAsync(replica, storeId, mayFound, apartFrom.IsDefault ? [] : apartFrom);
    }

    public Task<ReplicaHome?> GetHomeAsync(string replica, SiloCredential credential)
    {
        gate.Require(credential);
        return Homes.GetHomeAsync(replica);
    }

    public Task<bool> RegisterStoreAsync(string silo, Guid storeId, bool isNew, SiloCredential credential)
    {
        gate.Require(credential);
        return Homes.RegisterAsync($"{links.Local}/{silo}", storeId, isNew, store => stores.MayHaveAsync(topology.SilosOf(links.Local), store, silo));
    }

    private HomeRegister Homes => new(new RingRecords(router, links, Patience));

    private async Task RefreshAsync()
    {
        if (refreshing)
        {
            return;
        }

        refreshing = true;
        try
        {
            // One that was activated while its silo was alone in the datacenter gives way, so that callers meet the same one.
            if (await chooser.IsElsewhereAsync(links.Local.Value, silo.SiloAddress))
            {
                DeactivateOnIdle();
                return;
            }

            var members = topology.SilosOf(links.Local).Select(static silo => new RingMember(silo.Name, silo.Datacenter, silo.Weight)).ToArray();
            var outcome = await ChangeAsync(ring => options.Value.Keyspaces.Aggregate(
                ring.WithMembersOf(links.Local, members),
                (next, keyspace) => next.TryGetKeyspace(keyspace.Name, out _) ? next : next.WithKeyspace(new(keyspace.Name, keyspace.ShardCount, [.. links.Datacenters.Order()], links.Witnesses))));
            if (outcome is not Applied)
            {
                LogNotRefreshed(logger, links.Local, outcome);
            }

            if (snapshot is { } ring && !isRemembered)
            {
                await memory.KeepAsync(this.GetGrainId(), ring);
            }

            await WakeReplicasAsync();
        }
        catch (Exception exception)
        {
            // The next refresh tries again; meanwhile the last snapshot serves.
            LogRefreshFailed(logger, links.Local, exception);
        }
        finally
        {
            refreshing = false;
        }
    }

    // Reads the ring, changes it, and writes it back unless somebody else did so meanwhile, in which case the change is made anew.
    private async Task<WriteResult> ChangeAsync(Func<RingSnapshot, RingSnapshot> change)
    {
        for (var attempt = 0; attempt < MaxChangeAttempts; attempt++)
        {
            var read = await router.ReadAsync(ShardId.Ring, links.RingPlaces, RingKey, Patience);
            if (read is not ReadServed { Entry: var entry })
            {
                return new Rejected(RejectionReason.Unavailable, ((ReadRejected)read).Detail);
            }

            var before = entry is null ? RingSnapshot.Empty : RingSnapshotJson.Deserialize(entry.Value.Span);
            if (before.Keyspaces.FirstOrDefault(k => !k.Witnesses.AsSpan().SequenceEqual(WitnessesOf(k.Datacenters).AsSpan())) is { } other)
            {
                var otherwise = ShardDescriptor.DescribeOtherWitnesses("it was created with", other.Witnesses, WitnessesOf(other.Datacenters));
                if (!hasToldOtherwise)
                {
                    hasToldOtherwise = true;
                    LogOtherWitnesses(logger, links.Local, other.Name, otherwise);
                }

                // Callers are shown the way all the same, and replicas find out why they are not opened.
                Adopt(before);
                return new Rejected(RejectionReason.InvalidArgument, $"keyspace '{other.Name}': {otherwise}");
            }

            var after = change(before);
            if (after.Version == before.Version)
            {
                Adopt(before);
                return new Applied(entry?.ModifyRevision ?? default);
            }

            var written = await router.WriteAsync(
                ShardId.Ring, links.RingPlaces, new CompareAndSetOperation(RingKey, entry?.Value, RingSnapshotJson.Serialize(after)), Patience);
            switch (written)
            {
                case Applied:
                    Adopt(after);
                    LogChanged(logger, links.Local, after.Version.Value, after.Members.Length, after.Keyspaces.Length);
                    return written;
                case Rejected { Reason: RejectionReason.PreconditionFailed }:
                    continue;
                default:
                    return written;
            }
        }

        return new Rejected(RejectionReason.Overloaded, $"others changed the ring first, {MaxChangeAttempts} times in a row") { RetryAfter = RetryAfter };
    }

    private ImmutableArray<DatacenterId> WitnessesOf(ImmutableArray<DatacenterId> datacenters) => [.. datacenters.Where(d => links.Witnesses.Contains(d))];

    private void Adopt(RingSnapshot ring)
    {
        // Two changes may end in the other order than they began. What was only remembered gives way to anything that was read.
        if (snapshot is null || isRemembered || ring.Version.Value > snapshot.Version.Value)
        {
            (snapshot, isRemembered) = (ring, false);
            policies.Learn(ring);
        }
    }

    private IEnumerable<ReplicaAddress> ReplicasHere(KeyspaceDescriptor keyspace) =>
        from number in Enumerable.Range(0, keyspace.ShardCount)
        from ordinal in Enumerable.Range(1, keyspace.ReplicasIn(links.Local))
        select new ReplicaAddress(keyspace.ShardAt(number), links.Local, ordinal);

    // A replica wakes when it is spoken to. After a restart somebody must speak first, or a shard without callers would sleep through a
    // second loss.
    private async Task WakeReplicasAsync()
    {
        if (snapshot is null)
        {
            return;
        }

        var sleeping = snapshot.Keyspaces.SelectMany(ReplicasHere).Where(replica => !awake.Contains(replica)).ToArray();
        foreach (var group in sleeping.Chunk(64))
        {
            await Task.WhenAll(group.Select(WakeAsync));
        }

        async Task WakeAsync(ReplicaAddress replica)
        {
            try
            {
                var status = await grains.GetGrain<IReplicaGrain>(replica.ToString()).GetStatusAsync().WaitAsync(Patience, time);
                if (status.State == "running")
                {
                    awake.Add(replica);
                }
            }
            catch (Exception exception)
            {
                LogNotWoken(logger, replica, exception.Message);
            }
        }
    }

    [LoggerMessage(1100, LogLevel.Information, "Ring of datacenter {Datacenter}: version {Version}, {Members} members, {Keyspaces} keyspaces")]
    private static partial void LogChanged(ILogger logger, DatacenterId datacenter, ulong version, int members, int keyspaces);

    [LoggerMessage(1101, LogLevel.Debug, "Ring of datacenter {Datacenter} was not refreshed: {Outcome}")]
    private static partial void LogNotRefreshed(ILogger logger, DatacenterId datacenter, WriteResult outcome);

    [LoggerMessage(1109, LogLevel.Error, "Ring of datacenter {Datacenter} is not changed, keyspace '{Keyspace}': {Disagreement}")]
    private static partial void LogOtherWitnesses(ILogger logger, DatacenterId datacenter, string keyspace, string disagreement);

    [LoggerMessage(1102, LogLevel.Warning, "Ring of datacenter {Datacenter}: the refresh failed")]
    private static partial void LogRefreshFailed(ILogger logger, DatacenterId datacenter, Exception exception);

    [LoggerMessage(1110, LogLevel.Information, "Ring of datacenter {Datacenter}: keyspace '{Keyspace}' is dropped")]
    private static partial void LogDropped(ILogger logger, DatacenterId datacenter, string keyspace);

    [LoggerMessage(1111, LogLevel.Debug, "Replica {Replica} has not ended, though its keyspace is dropped: {Reason}")]
    private static partial void LogNotEnded(ILogger logger, ReplicaAddress replica, string reason);

    [LoggerMessage(1112, LogLevel.Information, "Datacenter {Datacenter} did not say that the replicas of dropped keyspace '{Keyspace}' have ended there: {Reason}")]
    private static partial void LogNotTold(ILogger logger, DatacenterId datacenter, string keyspace, string reason);

    [LoggerMessage(1103, LogLevel.Debug, "Replica {Replica} could not be woken: {Reason}")]
    private static partial void LogNotWoken(ILogger logger, ReplicaAddress replica, string reason);
}
