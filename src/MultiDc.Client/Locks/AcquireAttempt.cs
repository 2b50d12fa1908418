using System.Text;
using MultiDc.Grains;

namespace MultiDc.Client.Locks;

/// <summary>A place that was won.</summary>
/// <param name="Place">Which.</param>
/// <param name="Lease">The lease that it is bound to.</param>
/// <param name="Token">The revision that bound it.</param>
/// <param name="ValidUntil">Until when the lease lives for certain, by this process's clock.</param>
internal sealed record WonPlace(Place Place, LeaseId Lease, Revision Token, long ValidUntil);

/// <summary>One caller's way to a place.</summary>
internal sealed class AcquireAttempt(IMultiDcClient client, TimeProvider time, Func<double> jitter, Contest contest, TimeSpan ttl, string owner)
{
    private LeaseId lease;
    private long grantSentAt;
    private bool mayHold;

    // The place of a try with this lease of which nobody knows what became: it may still succeed.
    private int? lostAt;

    /// <summary>Set once a place was won.</summary>
    public WonPlace? Won { get; private set; }

    /// <summary>At this revision of the shard, or later, no place was free when it was last looked; 0: that is not known.</summary>
    public Revision SeenAt { get; private set; }

    /// <returns>Why nobody can tell; null: won, or all places are held by others.</returns>
    public async Task<Rejected?> TryAsync(CancellationToken cancellationToken)
    {
        // To look costs others less than to write: who waits writes nothing, and has no lease.
        SeenAt = default;
        var keys = contest.Places.Select(static place => place.Key).Concat(contest.CapacityKey is { } one ? [one] : []);
        var reads = await Task.WhenAll(keys.Select(key => client.GetAsync(contest.Keyspace, key, ReadLevel.Linearizable, null, cancellationToken))).ConfigureAwait(false);
        if (reads.OfType<ReadRejected>().FirstOrDefault() is { } rejected)
        {
            return new(rejected.Reason, rejected.Detail);
        }

        var seen = reads.Select(static read => ((ReadServed)read).Entry).ToArray();
        SeenAt = reads.Min(static read => ((ReadServed)read).Revision);
        if (contest.CapacityKey is { } key && await AgreeOnCapacityAsync(key, seen[^1], cancellationToken).ConfigureAwait(false) is { } disagreement)
        {
            return disagreement;
        }

        // Others take places meanwhile, of which there are only so many: then the next look tells.
        var left = contest.Places.Length;
        for (var place = Choose(seen); place is { } chosen && left > 0; left--)
        {
            if (await PrepareLeaseAsync(chosen, cancellationToken).ConfigureAwait(false) is { } problem)
            {
                return problem;
            }

            mayHold = true;
            var result = await client.WriteAsync(contest.Keyspace, Acquiring(contest.Places[chosen]), null, cancellationToken).ConfigureAwait(false);
            switch (result)
            {
                case AppliedBatch { Succeeded: true } batch:
                    Win(chosen, batch.Revision);
                    return null;

                case AppliedBatch batch:
                    seen = [.. batch.Results.Select(static step => step.Entry)];
                    if (OwnAmong(seen) is { } own)
                    {
                        return await TakeOwnAsync(own, seen[own]!, cancellationToken).ConfigureAwait(false);
                    }

                    mayHold = false;
                    place = Choose(seen);
                    break;

                case Rejected { Reason: RejectionReason.LeaseNotFound }:
                    (lease, mayHold) = (default, false);
                    return ProblemOf(result);

                default:
                    lostAt = result is Unknown ? chosen : lostAt;
                    return ProblemOf(result);
            }
        }

        return null;
    }

    public async Task AbandonAsync()
    {
        if (!lease.IsNone)
        {
            var last = lease;
            (lease, mayHold, lostAt) = (default, false, null);
            try
            {
                // If this fails, it expires.
                await client.RevokeLeaseAsync(contest.Keyspace, contest.Places[0].Key, last, ttl).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                // Whoever gives up is told why it gave up, not of this.
            }
        }
    }

    // If the place is still free, and all agree on how many there are. Else this tells how it stands.
    private BatchOperation Acquiring(Place place) => BatchOperation.Of(
        contest.CapacityKey is { } key ? [When.Absent(place.Key), When.ValueEquals(key, contest.Capacity)] : [When.Absent(place.Key)],
        [new PutOperation(Encoding.UTF8.GetBytes(place.Key), Encoding.UTF8.GetBytes(owner)) { Lease = lease }, new FenceOperation(Encoding.UTF8.GetBytes(place.Key), place.GuardName)],
        contest.Places.Select(static one => Do.Get(one.Key)));

    private async Task<Rejected?> AgreeOnCapacityAsync(string key, KeyValueEntry? present, CancellationToken cancellationToken)
    {
        if (present is null)
        {
            var result = await client.BatchAsync(
                contest.Keyspace, [When.Absent(key)], [Do.Put(key, contest.Capacity), Do.Get(key)], [Do.Get(key)], cancellationToken: cancellationToken).ConfigureAwait(false);
            if (result is not AppliedBatch { Results: [.., { Entry: { } agreed }] })
            {
                return ProblemOf(result);
            }

            present = agreed;
        }

        return present.ValueText() == contest.Capacity ? null
            : new(RejectionReason.InvalidArgument, $"it has {present.ValueText()} places, and not {contest.Capacity}: its first user has decided that");
    }

    private async Task<Rejected?> PrepareLeaseAsync(int place, CancellationToken cancellationToken)
    {
        // A try that was lost may succeed late. With a lease that is renewed it would then have a place of its own for as long as another is held.
        if (lease.IsNone || (lostAt is { } lost && lost != place) || (!mayHold && time.GetElapsedTime(grantSentAt) > ttl / 3))
        {
            await AbandonAsync().ConfigureAwait(false);
            var sentAt = time.GetTimestamp();
            var granted = await client.GrantLeaseAsync(contest.Keyspace, contest.Places[0].Key, ttl, null, cancellationToken).ConfigureAwait(false);
            if (granted is not Applied applied)
            {
                return ProblemOf(granted);
            }

            (lease, grantSentAt) = (applied.LeaseOf(), sentAt);
        }

        return null;
    }

    private async Task<Rejected?> TakeOwnAsync(int place, KeyValueEntry present, CancellationToken cancellationToken)
    {
        if (present.Lease == lease)
        {
            // An earlier try, whose answer was lost.
            Win(place, present.CreateRevision);
            return null;
        }

        // An earlier try, with a lease that was abandoned since: that ends without anybody being told.
        mayHold = false;
        var revoked = await client.RevokeLeaseAsync(contest.Keyspace, contest.Places[0].Key, present.Lease, null, cancellationToken).ConfigureAwait(false);
        return revoked is Applied or Rejected { Reason: RejectionReason.LeaseNotFound } ? null : ProblemOf(revoked);
    }

    private void Win(int place, Revision token) =>
        Won = new(contest.Places[place], lease, token, grantSentAt + (long)(ttl.TotalSeconds * time.TimestampFrequency));

    // An own one, else any that is free; the one of which nobody knows first, so that it is not got twice.
    private int? Choose(KeyValueEntry?[] seen)
    {
        if (OwnAmong(seen) is { } own)
        {
            return own;
        }

        int[] free = [.. Enumerable.Range(0, contest.Places.Length).Where(i => seen[i] is null)];
        return free.Length == 0 ? null : lostAt is { } lost && seen[lost] is null ? lost : free[(int)(jitter() * free.Length)];
    }

    private int? OwnAmong(KeyValueEntry?[] seen)
    {
        var at = Array.FindIndex(seen, 0, contest.Places.Length, entry => entry?.ValueText() == owner);
        return at < 0 ? null : at;
    }

    private static Rejected ProblemOf(WriteResult result) => result as Rejected ?? new(RejectionReason.Unavailable, (result as Unknown)?.Detail ?? "");
}
