using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>
/// The log since its compaction, all of it in memory, and how much of it is durable. Pure: the host persists what
/// <see cref="OfferUnpersisted"/> hands out and says so by <see cref="MarkOfferedDurable"/>. Always:
/// <code>
/// CompactedTo.Index ≤ Durable ≤ Offered ≤ Last.Index;  indices contiguous;  terms never fall;  Configuration is the last one in it
/// </code>
/// </summary>
internal sealed class RaftLog
{
    private readonly List<LogEntry> entries = [];

    // The configuration as of CompactedTo, then one for each configuration entry after it, ascending.
    private readonly List<(LogIndex Index, GroupConfiguration Configuration)> configurations = [];

    public RaftLog(SnapshotMetadata start, IReadOnlyList<LogEntry> durableEntries)
    {
        CompactedTo = start.LastIncluded;
        configurations.Add((start.LastIncluded.Index, start.Configuration));
        Append(durableEntries);
        Offered = Durable = Last.Index;
    }

    /// <summary>The last entry that was compacted away; its term is still known.</summary>
    public EntryId CompactedTo { get; private set; }

    public EntryId Last => entries.Count > 0 ? entries[^1].Id : CompactedTo;

    /// <summary>Up to here the log was handed out for persisting.</summary>
    public LogIndex Offered { get; private set; }

    /// <summary>Up to here the log would survive a crash. What replaces other entries counts when it is durable itself.</summary>
    public LogIndex Durable { get; private set; }

    public long RetainedBytes { get; private set; }

    /// <summary>The latest configuration in the log, committed or not: the one in force (§4.1).</summary>
    public GroupConfiguration Configuration => configurations[^1].Configuration;

    /// <summary>The index of the entry that brought <see cref="Configuration"/>, or an index at or before <see cref="CompactedTo"/>.</summary>
    public LogIndex ConfigurationIndex => configurations[^1].Index;

    /// <summary>The configuration that was in force when the entry at the index was the last.</summary>
    public GroupConfiguration ConfigurationAt(LogIndex index)
    {
        Invariant.Require(index >= CompactedTo.Index, "older configurations are compacted away");
        return configurations.FindLast(at => at.Index <= index).Configuration;
    }

    /// <summary>The term of the entry at the index, or null when it is compacted away or not there yet.</summary>
    public Term? TermAt(LogIndex index) =>
        index == CompactedTo.Index ? CompactedTo.Term
        : index > CompactedTo.Index && index <= Last.Index ? At(index).Term
        : null;

    public bool Contains(EntryId id) => TermAt(id.Index) == id.Term;

    public void Append(IEnumerable<LogEntry> added)
    {
        foreach (var entry in added)
        {
            Append(entry);
        }
    }

    public void Append(LogEntry entry)
    {
        Invariant.Require(entry.Index == Last.Index.Next(), "the log is contiguous (§3.5)");
        Invariant.Require(entry.Term >= Last.Term, "terms never fall along the log (§3.5)");
        if (entry.Kind == EntryKind.Configuration)
        {
            configurations.Add((entry.Index, ConfigurationCodec.Decode(entry.Payload)));
        }

        entries.Add(entry);
        RetainedBytes += entry.SizeBytes;
    }

    /// <summary>Removes the entry at the index and all after it.</summary>
    public void TruncateFrom(LogIndex index)
    {
        Invariant.Require(index > CompactedTo.Index && index <= Last.Index, "only what is in the log can be removed from its end");
        RemoveRange(Offset(index), entries.Count - Offset(index));
        configurations.RemoveAll(at => at.Index >= index && at.Index > CompactedTo.Index);
        Offered = Min(Offered, Last.Index);
        Durable = Min(Durable, Last.Index);
    }

    /// <summary>Forgets entries up to and including the index.</summary>
    public void CompactTo(LogIndex index)
    {
        Invariant.Require(index <= Durable, "only durable entries are compacted");
        var kept = new EntryId(TermAt(index) ?? throw new RaftInvariantException("the log is compacted to an entry it holds"), index);
        RemoveRange(0, (int)(index.Value - CompactedTo.Index.Value));
        CompactedTo = kept;
        configurations.RemoveRange(0, configurations.FindLastIndex(at => at.Index <= index));
    }

    /// <summary>Replaces the whole log by a snapshot. The host persists both in one write.</summary>
    public void ResetTo(SnapshotMetadata snapshot)
    {
        RemoveRange(0, entries.Count);
        configurations.Clear();
        configurations.Add((snapshot.LastIncluded.Index, snapshot.Configuration));
        CompactedTo = snapshot.LastIncluded;
        Offered = Durable = CompactedTo.Index;
    }

    /// <summary>What was never handed out for persisting, or was replaced since.</summary>
    public IReadOnlyList<LogEntry> OfferUnpersisted()
    {
        if (Offered == Last.Index)
        {
            return [];
        }

        var from = Offset(Offered.Next());
        Offered = Last.Index;
        return entries.GetRange(from, entries.Count - from);
    }

    /// <summary>What was handed out, and not replaced since, is durable now.</summary>
    public void MarkOfferedDurable() => Durable = Offered;

    /// <summary>Entries in [from, to], as many as fit the bytes, but one in any case when there is one.</summary>
    public ImmutableArray<LogEntry> Slice(LogIndex from, LogIndex to, long maxBytes)
    {
        Invariant.Require(from > CompactedTo.Index, "compacted entries cannot be read");
        if (from > to || from > Last.Index)
        {
            return [];
        }

        var first = Offset(from);
        var end = Offset(Min(to, Last.Index)) + 1;
        var count = 1;
        var bytes = (long)entries[first].SizeBytes;
        while (first + count < end && (bytes += entries[first + count].SizeBytes) <= maxBytes)
        {
            count++;
        }

        var slice = ImmutableArray.CreateBuilder<LogEntry>(count);
        for (var i = first; i < first + count; i++)
        {
            slice.Add(entries[i]);
        }

        return slice.MoveToImmutable();
    }

    /// <summary>The bytes of the entries in (after, to].</summary>
    public long BytesBetween(LogIndex after, LogIndex to)
    {
        var bytes = 0L;
        for (var i = Offset(after.Next()); i <= Offset(to); i++)
        {
            bytes += entries[i].SizeBytes;
        }

        return bytes;
    }

    /// <summary>
    /// The greatest index up to <paramref name="atMost"/> whose term is at most <paramref name="term"/>: beyond it no log that has that
    /// term there can agree with this one. An index before <see cref="CompactedTo"/> when even that one's term is greater.
    /// </summary>
    public LogIndex LastWithTermAtMost(LogIndex atMost, Term term)
    {
        atMost = Min(atMost, Last.Index);
        if (atMost < CompactedTo.Index)
        {
            return atMost;
        }

        if (CompactedTo.Term > term)
        {
            return new LogIndex(CompactedTo.Index.Value - 1);
        }

        // Terms never fall along the log, so the entries that qualify come first.
        var (low, high) = (CompactedTo.Index.Value, atMost.Value);
        while (low < high)
        {
            var middle = high - ((high - low) / 2);
            (low, high) = At(new LogIndex(middle)).Term <= term ? (middle, high) : (low, middle - 1);
        }

        return new LogIndex(low);
    }

    public void Check()
    {
        Invariant.Require(CompactedTo.Index <= Durable && Durable <= Offered, "compacted ≤ durable ≤ offered");
        Invariant.Require(Offered <= Last.Index, "offered ≤ last");
        Invariant.Require(Last.Index.Value - CompactedTo.Index.Value == (ulong)entries.Count, "indices are contiguous");
        var brought = configurations.Skip(1).Select(at => at.Index);
        Invariant.Require(brought.SequenceEqual(entries.Where(entry => entry.Kind == EntryKind.Configuration).Select(entry => entry.Index)), "configurations are those of the entries");
        Invariant.Require(configurations[0].Index <= CompactedTo.Index, "the first configuration is from before");
        Invariant.Require(RetainedBytes == entries.Sum(entry => (long)entry.SizeBytes), "bytes are counted");
    }

    private LogEntry At(LogIndex index) => entries[Offset(index)];

    private int Offset(LogIndex index) => (int)(index.Value - CompactedTo.Index.Value - 1);

    private void RemoveRange(int from, int count)
    {
        for (var i = from; i < from + count; i++)
        {
            RetainedBytes -= entries[i].SizeBytes;
        }

        entries.RemoveRange(from, count);
    }

    private static LogIndex Min(LogIndex left, LogIndex right) => left < right ? left : right;
}
