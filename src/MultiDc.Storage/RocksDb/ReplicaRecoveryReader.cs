using Microsoft.Extensions.Logging;
using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// Reads what a freshly fenced opening starts from, and checks that it hangs together: a hole or an end before what was applied means
/// that entries were lost, which is reported and never papered over.
/// </summary>
internal sealed class ReplicaRecoveryReader(StoreDatabase database, RocksDbStateWriter writer, ILogger logger)
{
    /// <summary>Also fills in the opening's bounds.</summary>
    public RaftRecovery Read(ReplicaOpening opening)
    {
        var snapshot = SweepAndTakeSnapshot(opening);
        try
        {
            return Read(opening, snapshot);
        }
        finally
        {
            database.Release(snapshot);
        }
    }

    private Snapshot SweepAndTakeSnapshot(ReplicaOpening opening)
    {
        var slot = opening.Slot;
        lock (slot.Gate)
        {
            opening.RequireLatest();
            try
            {
                Sweep(opening);
                return database.TakeSnapshot();
            }
            catch (RocksDbException exception)
            {
                throw HardRecords.Corrupted(
                    database.State, StoreKeys.Generation(slot.Number, opening.Generation), slot.Name, exception.Message, exception);
            }
        }
    }

    private RaftRecovery Read(ReplicaOpening opening, Snapshot snapshot)
    {
        var slot = opening.Slot;
        var at = new ReadOptions().SetSnapshot(snapshot);
        var hardState = HardRecords.Require(
            database, StoreKeys.HardState(slot.Number), slot.Name, bytes => HardStateCodec.Decode(bytes), at);
        var start = HardRecords.Require(
            database, StoreKeys.LogStart(slot.Number), slot.Name, bytes => SnapshotMetadataCodec.Decode(bytes), at);
        var applied = ReadApplied(opening, start, at);
        var entries = ReadEntries(slot, start.LastIncluded.Index.Value, snapshot, out var logBytes);
        opening.LogBytes = logBytes;
        Fill(opening, start.LastIncluded.Index.Value, entries.Count, applied);
        StoreLog.ReplicaOpened(logger, slot.Name, opening.Epoch.Value, entries.Count);
        return new RaftRecovery(hardState, start, entries, new LogIndex(applied));
    }

    /// <summary>Drops generations that no install made the state. With the gate held and the epoch checked, nobody is staging.</summary>
    private void Sweep(ReplicaOpening opening)
    {
        var (slot, live) = (opening.Slot.Number, opening.Generation);
        var dropped = 0U;
        if (FirstGenerationFrom(slot, 0) is { } first && first < live)
        {
            writer.DropGenerations(slot, first, live - 1);
            dropped += live - first;
        }

        opening.NextGeneration = live + 1;
        var afterSlot = StoreKeys.Generation(checked(slot + 1), 0);
        if (database.LastKeyTo(database.State, afterSlot) is { } last && IsOf(slot, last) && StoreKeys.GenerationOf(last) > live)
        {
            opening.NextGeneration = checked(StoreKeys.GenerationOf(last) + 1);
            writer.DropGenerations(slot, live + 1, StoreKeys.GenerationOf(last));
            dropped += StoreKeys.GenerationOf(last) - live;
        }

        if (dropped > 0)
        {
            StoreLog.Swept(logger, opening.Slot.Name, dropped);
        }
    }

    private uint? FirstGenerationFrom(uint slot, uint generation) =>
        database.FirstKeyFrom(database.State, StoreKeys.Generation(slot, generation)) is { } key && IsOf(slot, key)
            ? StoreKeys.GenerationOf(key)
            : null;

    private static bool IsOf(uint slot, ReadOnlySpan<byte> key) => key.StartsWith(StoreKeys.Generation(slot, 0).AsSpan(0, 4));

    private ulong ReadApplied(ReplicaOpening opening, SnapshotMetadata start, ReadOptions at)
    {
        var key = StoreKeys.Applied(opening.Slot.Number, opening.Generation);
        var applied = HardRecords.Get(database, database.State, key, opening.Slot.Name, at) is { } bytes
            ? HardRecords.Decode(database.State, key, opening.Slot.Name, bytes, StoreRecords.DecodeApplied)
            : 0;
        return applied >= start.LastIncluded.Index.Value
            ? applied
            : throw HardRecords.Corrupted(
                database.State, key, opening.Slot.Name, $"applied is {applied}, but the log was compacted into {start.LastIncluded.Index}");
    }

    private List<LogEntry> ReadEntries(ReplicaSlot slot, ulong start, Snapshot snapshot, out long bytes)
    {
        var entries = new List<LogEntry>();
        var read = 0L;
        var (first, end) = (StoreKeys.Log(slot.Number, start + 1), StoreKeys.Log(slot.Number, ulong.MaxValue));
        try
        {
            database.Read(database.Log, first, end, snapshot, (key, value) =>
            {
                entries.Add(DecodeEntry(slot, start + 1 + (ulong)entries.Count, key, value));
                read += key.Length + value.Length;
                return true;
            });
        }
        catch (RocksDbException exception)
        {
            var next = StoreKeys.Log(slot.Number, start + 1 + (ulong)entries.Count);
            throw HardRecords.Corrupted(database.Log, next, slot.Name, exception.Message, exception);
        }

        bytes = read;
        return entries;
    }

    private LogEntry DecodeEntry(ReplicaSlot slot, ulong expected, byte[] key, byte[] value)
    {
        if (StoreKeys.IndexOfLog(key) != expected)
        {
            throw HardRecords.Corrupted(database.Log, StoreKeys.Log(slot.Number, expected), slot.Name, "the log has a hole here");
        }

        var entry = HardRecords.Decode(database.Log, key, slot.Name, value, bytes => EntryCodec.Decode(bytes));
        return entry.Index.Value == expected
            ? entry
            : throw HardRecords.Corrupted(database.Log, key, slot.Name, $"it holds the entry of index {entry.Index}");
    }

    private void Fill(ReplicaOpening opening, ulong start, int entries, ulong applied)
    {
        opening.LogStart = start;
        opening.LogLast = start + (ulong)entries;
        if (applied > opening.LogLast)
        {
            throw HardRecords.Corrupted(
                database.Log, StoreKeys.Log(opening.Slot.Number, opening.LogLast + 1), opening.Slot.Name,
                $"the log ends before it, but the state has applied up to {applied}");
        }

        (opening.Applied, opening.Written) = (applied, applied);
        opening.RaiseDurableApplied(applied);
    }
}
