using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// One physical commit in the making, and what its commands decided so far, which later commands of the same batch cannot yet read
/// from the database.
/// </summary>
internal sealed class CommitBatch(StoreDatabase database, ReplicaTable replicas, StoreFullException? full) : IDisposable
{
    private readonly WriteBatch batch = new();
    private readonly ArrayBufferWriter<byte> scratch = new();

    public StoreDatabase Database { get; } = database;

    public ReplicaTable Replicas { get; } = replicas;

    /// <summary>What to tell whoever needs space while there is none; null when there is.</summary>
    public StoreFullException? Full { get; } = full;

    /// <summary>Records added or put in this batch.</summary>
    public Dictionary<string, byte[]> Records { get; } = [];

    /// <summary>About how many bytes of entries this batch takes out of the logs for good.</summary>
    public long CompactedBytes { get; set; }

    public bool IsEmpty => batch.Count() == 0;

    public void PutHard(byte[] key, ReadOnlySpan<byte> value) => batch.Put(key, value, Database.Hard.Handle);

    public void PutHardState(uint slot, HardState hardState)
    {
        scratch.ResetWrittenCount();
        HardStateCodec.Encode(hardState, scratch);
        PutHard(StoreKeys.HardState(slot), scratch.WrittenSpan);
    }

    public void PutLogStart(uint slot, SnapshotMetadata start)
    {
        scratch.ResetWrittenCount();
        SnapshotMetadataCodec.Encode(start, scratch);
        PutHard(StoreKeys.LogStart(slot), scratch.WrittenSpan);
    }

    public void PutReplica(uint slot, ReplicaRecord replica) => PutHard(StoreKeys.Replica(slot), StoreRecords.EncodeReplica(replica));

    public void PutEntries(uint slot, EncodedEntries entries)
    {
        Span<byte> key = stackalloc byte[StoreKeys.LogKeyBytes];
        for (var i = 0; i < entries.Count; i++)
        {
            StoreKeys.WriteLog(key, slot, entries.FirstIndex + (ulong)i);
            batch.Put(key, entries[i], Database.Log.Handle);
        }
    }

    /// <summary>Deletes the entries from <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public void DeleteEntries(uint slot, ulong first, ulong last)
    {
        var from = StoreKeys.Log(slot, first);
        var to = StoreKeys.Log(slot, checked(last + 1));
        batch.DeleteRange(from, (ulong)from.Length, to, (ulong)to.Length, Database.Log.Handle);
    }

    /// <summary>Can be read from now on, and is durable after the next <see cref="StoreDatabase.SyncLog"/>.</summary>
    public void Write() => Database.WriteLogged(batch);

    /// <summary>Is durable before anybody can read it: for records, which anybody reads at any time. The rest is read by whoever opens a
    /// replica, after a commit of its own.</summary>
    public void WriteSynced() => Database.WriteSynced(batch);

    public void Dispose() => batch.Dispose();
}

/// <summary>The replicas that somebody has open. Used by the committer's thread only.</summary>
internal sealed class ReplicaTable(uint nextSlot)
{
    private readonly Dictionary<ReplicaName, ReplicaSlot> open = [];
    private uint nextSlot = nextSlot;

    public bool TryGet(ReplicaName name, [NotNullWhen(true)] out ReplicaSlot? slot)
    {
        if (!open.TryGetValue(name, out slot))
        {
            return false;
        }

        if (slot.IsClosed)
        {
            // Closed earlier in the same batch: what that batch makes of the replica cannot be read from the database yet.
            slot = slot.Successor();
            open[name] = slot;
        }

        return true;
    }

    public void Add(ReplicaSlot slot) => open.Add(slot.Name, slot);

    /// <summary>Forgets a closed replica, once its last batch can be read from the database, unless it was opened again.</summary>
    public void Forget(ReplicaSlot slot)
    {
        if (open.TryGetValue(slot.Name, out var current) && ReferenceEquals(current, slot))
        {
            open.Remove(slot.Name);
        }
    }

    public uint TakeSlot()
    {
        Invariant.Require(nextSlot < uint.MaxValue, "slots last");
        return nextSlot++;
    }
}
