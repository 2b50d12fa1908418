using System.Collections.Immutable;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Replication;

/// <summary>
/// When the leases of a shard end by this replica's monotonic clock: a whole life after it applied their last renewal, or, when it did not see that because it has started since, after it
/// loaded them. Every replica keeps it, so that a new leader goes on where the last one was: it cannot be early, for it applied the renewal later. What others tell of their clocks takes the
/// time away by which this one came too late (<see cref="Hear"/>). Knows readings of the clock, and no clock.
/// </summary>
internal sealed class LeaseClock(TimeProvider time)
{
    private readonly Dictionary<LeaseId, Running> running = [];

    // By when they end; one that was renewed meanwhile comes up early, and is put back.
    private readonly PriorityQueue<LeaseId, long> byEnd = new();

    private sealed record Running(LeaseRecord Record, long EndsAt)
    {
        public long? ProposedAt { get; set; }
    }

    public int Count => running.Count;

    /// <summary>When the first lease may end; null: there is none.</summary>
    public long? NextEnd => byEnd.TryPeek(out _, out var end) ? end : null;

    /// <summary>Takes in what the state machine did.</summary>
    public void Take(bool isReset, IReadOnlyList<LeaseChange> changes, long now)
    {
        if (isReset)
        {
            // A lease whose last renewal was seen here runs on: the snapshot that came said nothing new of it.
            var named = changes.Select(static change => change.Lease).ToHashSet();
            foreach (var lease in running.Keys.Where(lease => !named.Contains(lease)).ToArray())
            {
                running.Remove(lease);
            }
        }

        foreach (var (lease, record) in changes)
        {
            if (record is not { } renewed)
            {
                running.Remove(lease);
            }
            else if (!running.TryGetValue(lease, out var before))
            {
                Run(lease, renewed, now);
                byEnd.Enqueue(lease, running[lease].EndsAt);
            }
            else if (before.Record.RenewedAt != renewed.RenewedAt)
            {
                Run(lease, renewed, now);
                if (running[lease].EndsAt < before.EndsAt)
                {
                    byEnd.Enqueue(lease, running[lease].EndsAt);
                }
            }
        }

        Settle();
    }

    /// <summary>All leases as they live on by this clock.</summary>
    public ImmutableArray<RemainingLease> Remaining(long now) =>
        [.. running.Select(lease => new RemainingLease(lease.Key, lease.Value.Record.RenewedAt.Value, RemainingOf(lease.Key, lease.Value.Record.RenewedAt, now)!.Value))];

    /// <summary>
    /// Takes in how long leases lived on by another replica's clock. Every clock counts a whole life from after the renewal was committed, so none is early and the earliest is the truest; what was
    /// told has taken time to come here, which makes it late and not early. It must be of the same renewal.
    /// </summary>
    public void Hear(ImmutableArray<RemainingLease> told, long now)
    {
        foreach (var (lease, renewedAt, remaining) in told)
        {
            var end = now + (long)Math.Ceiling(remaining.TotalSeconds * time.TimestampFrequency);
            if (running.TryGetValue(lease, out var known) && known.Record.RenewedAt.Value == renewedAt && end < known.EndsAt)
            {
                running[lease] = known with { EndsAt = end };
                byEnd.Enqueue(lease, end);
            }
        }

        Settle();
    }

    /// <summary>The leases whose life is over and whose end was not proposed since <paramref name="notSince"/>; they count as proposed now.</summary>
    public List<(LeaseId Lease, LogIndex RenewedAt)> TakeDue(long now, long notSince, int max)
    {
        var due = new List<(LeaseId, LogIndex)>();
        if (NextEnd > now)
        {
            return due;
        }

        foreach (var (lease, at) in byEnd.UnorderedItems)
        {
            if (at <= now && due.Count < max && running.TryGetValue(lease, out var known) && known.EndsAt <= now && !(known.ProposedAt > notSince))
            {
                known.ProposedAt = now;
                due.Add((lease, known.Record.RenewedAt));
            }
        }

        return due;
    }

    /// <summary>Their ends were not proposed after all.</summary>
    public void PutBack(IEnumerable<(LeaseId Lease, LogIndex RenewedAt)> due)
    {
        foreach (var (lease, _) in due)
        {
            running[lease].ProposedAt = null;
        }
    }

    /// <summary>How long the lease lives on by this clock; null: it is not known here by that renewal.</summary>
    public TimeSpan? RemainingOf(LeaseId lease, LogIndex renewedAt, long now) =>
        !running.TryGetValue(lease, out var known) || known.Record.RenewedAt != renewedAt ? null
        : known.EndsAt > now ? time.GetElapsedTime(now, known.EndsAt)
        : TimeSpan.Zero;

    private void Run(LeaseId lease, LeaseRecord record, long now) =>
        running[lease] = new(record, now + (long)Math.Ceiling(record.TtlMilliseconds * (time.TimestampFrequency / 1000.0)));

    // What comes first in the queue is true: it runs, and ends then. What else has ended stays in the queue, within bounds.
    private void Settle()
    {
        if (byEnd.Count > (2 * running.Count) + 64)
        {
            byEnd.Clear();
            byEnd.EnqueueRange(running.Select(static lease => (lease.Key, lease.Value.EndsAt)));
        }

        while (byEnd.TryPeek(out var lease, out var end) && (!running.TryGetValue(lease, out var known) || known.EndsAt != end))
        {
            byEnd.Dequeue();
            if (running.TryGetValue(lease, out known))
            {
                byEnd.Enqueue(lease, known.EndsAt);
            }
        }
    }
}

/// <summary>How long a lease lives on by a replica's clock.</summary>
/// <param name="Lease">Which.</param>
/// <param name="RenewedAt">The log index of its last renewal.</param>
/// <param name="Remaining">How long, from when this was told.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.RemainingLease")]
internal readonly record struct RemainingLease([property: Id(0)] LeaseId Lease, [property: Id(1)] ulong RenewedAt, [property: Id(2)] TimeSpan Remaining);
