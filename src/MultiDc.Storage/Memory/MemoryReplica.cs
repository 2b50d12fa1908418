using System.Collections.Immutable;

namespace MultiDc.Storage;

/// <summary>What one write leaves of a replica's log: immutable, so that accepted and durable are two references.</summary>
internal sealed record MemoryLog(ulong Epoch, HardState HardState, SnapshotMetadata Start, ImmutableList<LogEntry> Entries)
{
    public ulong StartIndex => Start.LastIncluded.Index.Value;

    public ulong LastIndex => StartIndex + (ulong)Entries.Count;

    public MemoryLog Append(ReplicaName replica, IReadOnlyList<LogEntry> entries)
    {
        if (entries.Count == 0)
        {
            return this;
        }

        var first = entries[0].Index.Value;
        for (var i = 0; i < entries.Count; i++)
        {
            Invariant.Require(entries[i].Index.Value == first + (ulong)i, "entries of one write are contiguous");
        }

        Invariant.Require(first > StartIndex, "entries that were compacted away are committed and never replaced");
        if (first > LastIndex + 1)
        {
            throw new LogGapException($"replica {replica}: an entry at {first} does not join a log that ends at {LastIndex}");
        }

        var kept = (int)(first - StartIndex - 1);
        return this with { Entries = Entries.RemoveRange(kept, Entries.Count - kept).AddRange(entries) };
    }

    public MemoryLog CompactTo(SnapshotMetadata to)
    {
        var dropped = (int)(to.LastIncluded.Index.Value - StartIndex);
        Invariant.Require(Entries[dropped - 1].Id == to.LastIncluded, "the log is compacted to an entry it holds");
        return this with { Start = to, Entries = Entries.RemoveRange(0, dropped) };
    }
}

/// <summary>One replica on a <see cref="MemoryDisk"/>. Guarded by the disk's gate.</summary>
internal sealed class MemoryReplica(ReplicaName name, MemoryLog founded)
{
    public ReplicaName Name { get; } = name;

    /// <summary>What writes build on.</summary>
    public MemoryLog Accepted { get; set; } = founded;

    /// <summary>What a crash leaves; null while not even the founding is durable.</summary>
    public MemoryLog? Durable { get; set; }

    public MemoryRows State { get; set; } = MemoryRows.Empty;

    public MemoryRows DurableState { get; set; } = MemoryRows.Empty;

    public void RequireLatest(Epoch epoch)
    {
        if (Accepted.Epoch != epoch.Value)
        {
            throw new FencedException(Name, epoch, new Epoch(Accepted.Epoch));
        }
    }
}
