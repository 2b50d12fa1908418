using MultiDc.Grains;
using MultiDc.Storage;

namespace MultiDc.Server.StateMachine;

/// <summary>A lease was granted or renewed, or (null) has ended. For the clocks beside the state machine, which itself knows no time.</summary>
internal readonly record struct LeaseChange(LeaseId Lease, LeaseRecord? Record);

/// <summary>Leases: granted, renewed and ended by entries, with the keys bound to them. No clock is looked at here.</summary>
internal sealed partial class KeyValueStateMachine
{
    private readonly List<LeaseChange> leaseChanges = [];
    private bool leasesLoaded;
    private int leaseCount;

    /// <summary>Whether leases have been granted or renewed that were not taken yet.</summary>
    public bool HasRenewedLeases => leaseChanges.Exists(static change => change.Record is not null);

    /// <summary>Takes what happened to leases since it was last called, in order; and whether all that was known before is void, because they were loaded.</summary>
    public (bool IsReset, IReadOnlyList<LeaseChange> Changes) TakeLeaseChanges()
    {
        if (leaseChanges.Count == 0 && !leasesLoaded)
        {
            return (false, []);
        }

        LeaseChange[] taken = [.. leaseChanges];
        var isReset = leasesLoaded;
        leaseChanges.Clear();
        leasesLoaded = false;
        return (isReset, taken);
    }

    private async ValueTask LoadLeasesAsync(IReplicaStateView view)
    {
        leaseChanges.Clear();
        await foreach (var row in view.ScanAsync(StateRows.FirstLease, StateRows.AfterLeases))
        {
            leaseChanges.Add(new(StateRows.LeaseOfRow(row.Key.Span), StateRows.DecodeLease(row.Value.Span)));
        }

        leaseCount = leaseChanges.Count;
        leasesLoaded = true;
    }

    private Verdict Grant(LogIndex index, GrantLeaseOperation grant)
    {
        if (leaseCount >= LeaseLimits.MaxLeasesOfShard)
        {
            return SessionOutcome.LimitReached;
        }

        leaseCount++;
        Renew(new(index.Value), new((ulong)grant.Ttl.TotalMilliseconds, index, 0));
        return SessionOutcome.Applied;
    }

    private async ValueTask<Verdict> KeepAliveAsync(LogIndex index, KeepAliveOperation keep)
    {
        var lost = new List<LeaseId>();
        foreach (var lease in keep.Leases)
        {
            if (await LeaseAsync(lease) is { } record)
            {
                Renew(lease, record with { RenewedAt = index });
            }
            else
            {
                lost.Add(lease);
            }
        }

        var answer = WriteAnswer.OfLost(lost);
        return new(SessionOutcome.Applied, answer, answer.Encode());
    }

    private ValueTask<bool> ExpireAsync(LeaseId lease, LogIndex renewedAt) => EndAsync(lease, record => record.RenewedAt == renewedAt);

    /// <summary>Ends a lease, with all its keys; false when there is none such.</summary>
    private async ValueTask<bool> EndAsync(LeaseId lease, Func<LeaseRecord, bool> isSuch)
    {
        if (await LeaseAsync(lease) is not { } record || !isSuch(record))
        {
            return false;
        }

        foreach (var row in await RowsOfBoundKeysAsync(lease))
        {
            var key = StateRows.BoundKeyOfRow(row).Key;
            NoteWritten(key, await HeadAsync(StateRows.EntryKey(key.Span)), null, default);
            changed[row] = null;
            changed[StateRows.EntryKey(key.Span)] = null;
        }

        changed[StateRows.LeaseKey(lease)] = null;
        leaseChanges.Add(new(lease, null));
        leaseCount--;
        return true;
    }

    private void Renew(LeaseId lease, LeaseRecord record)
    {
        changed[StateRows.LeaseKey(lease)] = StateRows.Encode(record);
        leaseChanges.Add(new(lease, record));
    }

    /// <summary>Takes a key from one lease, or none, to another, or none.</summary>
    private async ValueTask<SessionOutcome> BindAsync(
        ReadOnlyMemory<byte> key, LeaseId from, LeaseId to, Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changes)
    {
        if (from == to)
        {
            return SessionOutcome.Applied;
        }

        if (!to.IsNone)
        {
            if (await LeaseAsync(to) is not { } next)
            {
                return SessionOutcome.LeaseNotFound;
            }

            if (next.Keys >= LeaseLimits.MaxKeysOfLease)
            {
                return SessionOutcome.LimitReached;
            }

            changes[StateRows.BoundKey(to, key.Span)] = StateRows.Bound;
            changes[StateRows.LeaseKey(to)] = StateRows.Encode(next with { Keys = next.Keys + 1 });
        }

        if (!from.IsNone)
        {
            Invariant.Require(await LeaseAsync(from) is { Keys: > 0 }, "a key is bound to a lease that counts it");
            var last = (await LeaseAsync(from))!.Value;
            changes[StateRows.BoundKey(from, key.Span)] = null;
            changes[StateRows.LeaseKey(from)] = StateRows.Encode(last with { Keys = last.Keys - 1 });
        }

        return SessionOutcome.Applied;
    }

    private async ValueTask<LeaseRecord?> LeaseAsync(LeaseId lease) =>
        await CurrentAsync(StateRows.LeaseKey(lease)) is { } row ? StateRows.DecodeLease(row.Span) : null;

    private async ValueTask<IReadOnlyCollection<ReadOnlyMemory<byte>>> RowsOfBoundKeysAsync(LeaseId lease)
    {
        var (first, after) = (StateRows.BoundKey(lease, default), StateRows.AfterBoundKeys(lease));
        var rows = new HashSet<ReadOnlyMemory<byte>>(ByteMemoryComparer.Instance);
        using var view = state.OpenView();
        await foreach (var row in view.ScanAsync(first, after))
        {
            rows.Add(row.Key);
        }

        // What this batch of entries has changed is not in the store yet.
        foreach (var (row, value) in changed)
        {
            if (row.Span.StartsWith(first.Span) && value is null)
            {
                rows.Remove(row);
            }
            else if (row.Span.StartsWith(first.Span))
            {
                rows.Add(row);
            }
        }

        // By key, so that all replicas tell those who watch in the same order.
        return [.. rows.Order(Comparer<ReadOnlyMemory<byte>>.Create(static (one, other) => one.Span.SequenceCompareTo(other.Span)))];
    }
}
