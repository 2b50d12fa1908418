namespace MultiDc.Storage;

/// <summary>Raises the epoch of a replica, founding it first when it is new. The result is null when it is unknown and not to be founded.</summary>
internal sealed class OpenReplicaCommand(ReplicaName name, ReplicaFounding? founding, AppliedRowsBudget budget) : StoreCommand<ReplicaOpening?>
{
    private const uint FirstGeneration = 1;

    private ReplicaOpening? opening;

    // A full disk must not keep a replica from being opened for reading; founding is refused below.
    public override bool NeedsSpace => false;

    public override void Stage(CommitBatch batch)
    {
        if (!batch.Replicas.TryGet(name, out var slot) && (slot = Load(batch) ?? Found(batch)) is null)
        {
            return;
        }

        var epoch = checked(slot.CurrentEpoch + 1);
        batch.PutReplica(slot.Number, new ReplicaRecord(epoch, slot.Generation));
        slot.Raise(epoch);
        opening = new ReplicaOpening(slot, new Epoch(epoch), budget) { Generation = slot.Generation };
    }

    protected override ReplicaOpening? Result() => opening;

    private ReplicaSlot? Load(CommitBatch batch)
    {
        var key = StoreKeys.Name(name);
        if (HardRecords.Read(batch.Database, key, name, StoreRecords.DecodeSlot) is not { } number)
        {
            return null;
        }

        var record = HardRecords.Require(batch.Database, StoreKeys.Replica(number), name, StoreRecords.DecodeReplica);
        var slot = new ReplicaSlot(number, name, record.Epoch, record.Generation);
        batch.Replicas.Add(slot);
        return slot;
    }

    private ReplicaSlot? Found(CommitBatch batch)
    {
        if (founding is null)
        {
            return null;
        }

        if (batch.Full is { } full)
        {
            throw full;
        }

        var slot = new ReplicaSlot(batch.Replicas.TakeSlot(), name, epoch: 0, FirstGeneration);
        batch.PutHard(StoreKeys.Name(name), StoreRecords.EncodeSlot(slot.Number));
        batch.PutLogStart(slot.Number, new SnapshotMetadata(EntryId.Zero, founding.Configuration));
        batch.PutHardState(slot.Number, default);
        batch.Replicas.Add(slot);
        return slot;
    }
}

/// <summary>Forgets a replica that nobody has open any more, unless a later opening has it.</summary>
internal sealed class CloseReplicaCommand(ReplicaOpening opening) : StoreCommand<bool>
{
    private ReplicaTable? closedIn;

    public override bool NeedsSpace => false;

    public override void Stage(CommitBatch batch)
    {
        if (opening.Slot.CurrentEpoch == opening.Epoch.Value)
        {
            opening.Slot.Close();
            closedIn = batch.Replicas;
        }
    }

    public override void Written() => closedIn?.Forget(opening.Slot);

    protected override bool Result() => true;
}

/// <summary>
/// Empties a replica's log and names a generation without rows its state, which a crash then finds together. What was applied is nothing again, as it was when it was founded. Taken
/// also on a full disk, where it is what makes space.
/// </summary>
internal sealed class EraseReplicaCommand(ReplicaOpening opening, RaftRecovery recovered) : StoreCommand<uint>
{
    private uint last;

    public override bool NeedsSpace => false;

    public override void Stage(CommitBatch batch)
    {
        opening.RequireLatest();
        var slot = opening.Slot;
        (last, slot.Generation) = (opening.NextGeneration - 1, opening.NextGeneration);
        batch.PutReplica(slot.Number, new ReplicaRecord(opening.Epoch.Value, slot.Generation));
        batch.PutHardState(slot.Number, recovered.HardState with { Commit = default });
        batch.PutLogStart(slot.Number, new SnapshotMetadata(EntryId.Zero, recovered.Snapshot.Configuration));
        if (opening.LogLast > opening.LogStart)
        {
            batch.DeleteEntries(slot.Number, opening.LogStart + 1, opening.LogLast);
            batch.CompactedBytes += opening.TakeLogBytes(opening.LogLast - opening.LogStart);
        }

        (opening.LogStart, opening.LogLast) = (0, 0);
    }

    // The last generation that has rows nobody reads any more.
    protected override uint Result() => last;
}

/// <summary>Moves the log's start up to what the state has durably applied.</summary>
internal sealed class CompactCommand(ReplicaOpening opening, SnapshotMetadata to) : StoreCommand<bool>
{
    public override bool NeedsSpace => false;

    public override void Stage(CommitBatch batch)
    {
        opening.RequireLatest();
        var index = to.LastIncluded.Index.Value;
        if (index <= opening.LogStart || index > opening.DurableApplied)
        {
            return;
        }

        Invariant.Require(index <= opening.LogLast, "what is applied is in the log");
        batch.PutLogStart(opening.Slot.Number, to);
        batch.DeleteEntries(opening.Slot.Number, opening.LogStart + 1, index);
        batch.CompactedBytes += opening.TakeLogBytes(index - opening.LogStart);
        opening.LogStart = index;
    }

    protected override bool Result() => true;
}

/// <summary>Adds a record if its key has none.</summary>
internal sealed class AddRecordCommand(string key, byte[] value) : StoreCommand<byte[]>
{
    private byte[] held = value;

    public override bool NeedsSpace => true;

    public override void Stage(CommitBatch batch)
    {
        if (batch.Records.TryGetValue(key, out var added))
        {
            held = added;
        }
        else if (HardRecords.Read(batch.Database, StoreKeys.Record(key), null, StoreRecords.DecodeRecord) is { } stored)
        {
            held = stored;
        }
        else
        {
            batch.PutHard(StoreKeys.Record(key), StoreRecords.EncodeRecord(held));
            batch.Records.Add(key, held);
        }
    }

    protected override byte[] Result() => held;
}

/// <summary>Writes a record over what its key holds.</summary>
internal sealed class PutRecordCommand(string key, byte[] value) : StoreCommand<bool>
{
    public override bool NeedsSpace => true;

    public override void Stage(CommitBatch batch)
    {
        batch.PutHard(StoreKeys.Record(key), StoreRecords.EncodeRecord(value));
        batch.Records[key] = value;
    }

    protected override bool Result() => true;
}
