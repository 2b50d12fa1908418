using MultiDc.Grains;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Watching;

/// <summary>
/// The recent changes of one replica's state, in memory, for watches: what was applied since the replica was opened or a snapshot installed, as far back as
/// there is room. All replicas apply the same, so all tell the same of the revisions they remember. The pump adds, watchers read from any thread.
/// </summary>
internal sealed partial class ChangeHistory
{
    // How much is looked at under the lock at a time, with which the pump adds.
    private const int MaxScanned = 2048;

    private readonly Lock gate = new();
    private readonly ChangeHistoryOptions options;
    private readonly HistoryBudget? budget;
    private readonly ReplicaMetrics? metrics;

    // A ring: the oldest change is at "first", and its length is a power of two.
    private Change[] ring = [];
    private int first;
    private int count;
    private long bytes;
    private Revision upTo;
    private Revision compactedTo;
    private bool isClosed;

    public ChangeHistory(ChangeHistoryOptions? options = null, HistoryBudget? budget = null, ReplicaMetrics? metrics = null)
    {
        this.options = options ?? new();
        this.budget = budget;
        this.metrics = metrics;
        budget?.Join(this);
    }

    /// <summary>About how much memory it keeps.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>What was applied up to here is remembered or was.</summary>
    public Revision UpTo
    {
        get
        {
            lock (gate)
            {
                return upTo;
            }
        }
    }

    /// <summary>Everything after this is remembered.</summary>
    public Revision CompactedTo
    {
        get
        {
            lock (gate)
            {
                return compactedTo;
            }
        }
    }

    /// <summary>Whether the replica has stopped, or is about to.</summary>
    public bool IsClosed
    {
        get
        {
            lock (gate)
            {
                return isClosed;
            }
        }
    }

    /// <summary>The state was read from the store, or came as a snapshot: how it became what it is, nobody here knows.</summary>
    public void BeginAt(LogIndex applied)
    {
        lock (gate)
        {
            Remove(count);
            upTo = compactedTo = new(applied.Value);
        }

        WakeAll();
    }

    /// <summary>Entries up to the index were applied, and changed this.</summary>
    public void Add(IReadOnlyList<Change> changes, LogIndex applied)
    {
        lock (gate)
        {
            // The newest revision is never forgotten, so it must not be what keeps the memory of all that came with it.
            var newest = changes.Count;
            while (newest > 0 && changes[newest - 1].Revision == changes[^1].Revision)
            {
                newest--;
            }

            var added = AppendTogether(changes, 0, newest) + AppendTogether(changes, newest, changes.Count);
            upTo = new(applied.Value);
            Resize(added);
            EvictUntil(options.MaxBytes);
        }

        budget?.Trim();
        if (changes.Count > 0)
        {
            WakeThoseWhoWait();
        }
    }

    /// <summary>Forgets the oldest changes, so many bytes of them, but not the newest revision; false when there was nothing to forget.</summary>
    public bool Evict(long atLeast)
    {
        lock (gate)
        {
            return EvictUntil(bytes - atLeast);
        }
    }

    /// <summary>
    /// Reads a page. It ends where the history ends, or earlier between two revisions; <see cref="HistoryPage.UpTo"/> tells, and
    /// <see cref="HistoryPage.IsLast"/>. What is asked for and not there yet is an empty page.
    /// </summary>
    public HistoryPage Read(WatchFilter filter, Revision after, int maxBytes)
    {
        List<Change>? found = null;
        HistoryPage page;
        lock (gate)
        {
            if (after.Value < compactedTo.Value)
            {
                return new([], after, true, compactedTo);
            }

            if (after.Value >= upTo.Value)
            {
                return new([], after, true, null);
            }

            var (at, foundBytes) = (IndexAfter(after), 0L);
            var from = at;
            for (; at < count; at++)
            {
                ref readonly var change = ref At(at);
                if (at > from && (at - from >= MaxScanned || foundBytes >= maxBytes) && change.Revision != At(at - 1).Revision)
                {
                    break;
                }

                if (filter.Matches(change.Key.Span))
                {
                    (found ??= []).Add(change);
                    foundBytes += change.ToldBytes;
                }
            }

            page = at == count ? new([], upTo, true, null) : new([], At(at - 1).Revision, false, null);
        }

        return found is null ? page : page with { Revisions = Group(found) };
    }

    /// <summary>The replica is about to stop: whoever waits goes elsewhere, and nobody else is served.</summary>
    public void SendAway()
    {
        lock (gate)
        {
            isClosed = true;
        }

        WakeAll();
    }

    /// <summary>The replica has stopped; nothing is remembered any more.</summary>
    public void Close()
    {
        SendAway();
        lock (gate)
        {
            Remove(count);
            (ring, compactedTo) = ([], upTo);
        }

        budget?.Leave(this);
    }

    private static List<WatchedRevision> Group(List<Change> changes)
    {
        var revisions = new List<WatchedRevision>();
        for (var i = 0; i < changes.Count;)
        {
            var next = i + 1;
            while (next < changes.Count && changes[next].Revision == changes[i].Revision)
            {
                next++;
            }

            var events = new WatchEvent[next - i];
            for (var j = i; j < next; j++)
            {
                events[j - i] = changes[j].ToEvent();
            }

            revisions.Add(new(changes[i].Revision, events));
            i = next;
        }

        return revisions;
    }

    private ref readonly Change At(int index) => ref ring[(first + index) & (ring.Length - 1)];

    // The first change after the revision.
    private int IndexAfter(Revision after)
    {
        var (low, high) = (0, count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = At(middle).Revision.Value <= after.Value ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private void Append(Change change)
    {
        if (count == ring.Length)
        {
            var larger = new Change[Math.Max(16, 2 * ring.Length)];
            for (var i = 0; i < count; i++)
            {
                larger[i] = At(i);
            }

            (ring, first) = (larger, 0);
        }

        ring[(first + count++) & (ring.Length - 1)] = change;
    }

    private bool EvictUntil(long most)
    {
        var (evicted, left) = (0, bytes);
        while (left > most && evicted < count)
        {
            // Whole revisions, and never the newest: whoever has told all before it can always go on.
            var revision = At(evicted).Revision;
            if (revision == At(count - 1).Revision)
            {
                break;
            }

            for (; At(evicted).Revision == revision; evicted++)
            {
                left -= At(evicted).SizeBytes;
            }

            compactedTo = revision;
        }

        Remove(evicted);
        return evicted > 0;
    }

    private void Remove(int oldest)
    {
        var removed = 0L;
        for (var i = 0; i < oldest; i++)
        {
            ref var slot = ref ring[(first + i) & (ring.Length - 1)];
            removed += slot.SizeBytes;
            slot = default;
        }

        if (oldest > 0)
        {
            first = (first + oldest) & (ring.Length - 1);
            count -= oldest;
        }

        Resize(-removed);
    }

    private void Resize(long by)
    {
        Interlocked.Add(ref bytes, by);
        budget?.Count(by);
        metrics?.WatchHistoryBytes.Add(by);
    }
}

/// <summary>Bounds of one replica's change history.</summary>
internal sealed record ChangeHistoryOptions
{
    /// <summary>The most bytes, though the newest revision is always remembered. Default: 8 MiB, as much as the log keeps in memory.</summary>
    public long MaxBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>The most watchers that wait; more are refused as overloaded. Default: 10,000.</summary>
    public int MaxWaiting { get; init; } = 10_000;

    /// <summary>Breaks watches on purpose: one that goes on elsewhere goes on from now. Only to see that the tests notice.</summary>
    public bool UnsafeResumeFromNow { get; init; }
}

/// <summary>A part of a history.</summary>
/// <param name="Revisions">What matches, in order.</param>
/// <param name="UpTo">Everything up to here was looked at.</param>
/// <param name="IsLast">Whether that is all there is.</param>
/// <param name="CompactedTo">Not null: something earlier was asked for, and only what came after this revision is remembered.</param>
internal readonly record struct HistoryPage(IReadOnlyList<WatchedRevision> Revisions, Revision UpTo, bool IsLast, Revision? CompactedTo);
