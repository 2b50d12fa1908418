using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>
/// One replica's log as some writes left it. A disk holds two per replica, what is accepted and what is durable, and brings the second up
/// to the first write by write.
/// </summary>
internal sealed class LogImage(SnapshotMetadata founding)
{
    private readonly List<LogEntry> entries = [];

    public ulong Epoch { get; private set; }

    public HardState HardState { get; private set; }

    /// <summary>What the log was compacted into.</summary>
    public SnapshotMetadata Start { get; private set; } = founding;

    public IReadOnlyList<LogEntry> Entries => entries;

    public ulong StartIndex => Start.LastIncluded.Index.Value;

    public ulong LastIndex => StartIndex + (ulong)entries.Count;

    /// <summary>The term at an index; null when it is compacted away or not there.</summary>
    public Term? TermAt(LogIndex index) =>
        index.Value == StartIndex ? Start.LastIncluded.Term
        : index.Value > StartIndex && index.Value <= LastIndex ? entries[(int)(index.Value - StartIndex - 1)].Term
        : null;

    /// <summary>Whether the entry is here, or was and is compacted away.</summary>
    public bool Holds(EntryId id) => id.Index.Value < StartIndex || TermAt(id.Index) == id.Term;

    public void Apply(LogChange change)
    {
        Epoch = change.Epoch ?? Epoch;
        HardState = change.HardState ?? HardState;
        if (change.Install is { } installed)
        {
            Start = installed;
            entries.Clear();
        }

        if (change.Entries is [var first, ..])
        {
            entries.RemoveRange((int)(first.Index.Value - StartIndex - 1), (int)(LastIndex - first.Index.Value + 1));
            entries.AddRange(change.Entries);
        }

        if (change.CompactTo is { } to)
        {
            var dropped = (int)(to.LastIncluded.Index.Value - StartIndex);
            Invariant.Require(entries[dropped - 1].Id == to.LastIncluded, "the log is compacted to an entry it holds");
            entries.RemoveRange(0, dropped);
            Start = to;
        }
    }

    /// <summary>Throws unless the entries join this log as the store's contract has it.</summary>
    public void RequireJoins(ReplicaName replica, ReplicaWrite write)
    {
        if (write.Entries.Count == 0)
        {
            return;
        }

        var (start, last) = write.Install is { } install
            ? (install.Metadata.LastIncluded.Index.Value, install.Metadata.LastIncluded.Index.Value)
            : (StartIndex, LastIndex);
        var first = write.Entries[0].Index.Value;
        for (var i = 0; i < write.Entries.Count; i++)
        {
            Invariant.Require(write.Entries[i].Index.Value == first + (ulong)i, "entries of one write are contiguous");
        }

        Invariant.Require(first > start, "entries that were compacted away are committed and never replaced");
        if (first > last + 1)
        {
            throw new LogGapException($"replica {replica}: an entry at {first} does not join a log that ends at {last}");
        }
    }

    public LogImage Copy()
    {
        var copy = new LogImage(Start) { Epoch = Epoch, HardState = HardState };
        copy.entries.AddRange(entries);
        return copy;
    }

    public RaftRecovery Recover(StateTable state) => new(HardState, Start, [.. entries], new LogIndex(state.Applied));
}

/// <summary>What one write does to a log.</summary>
internal sealed record LogChange
{
    public ulong? Epoch { get; init; }

    public HardState? HardState { get; init; }

    public SnapshotMetadata? Install { get; init; }

    public IReadOnlyList<LogEntry> Entries { get; init; } = [];

    public SnapshotMetadata? CompactTo { get; init; }
}
