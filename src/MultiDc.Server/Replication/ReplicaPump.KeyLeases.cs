using MultiDc.Grains;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// The end of leases on keys: the leader proposes it when a lease's life is over by its own clock, and the entry decides. While the group ticks, each round looks; a
/// silent group is woken when the first of its leases may end, by all of its replicas, so that another leader is found if the leader is gone.
/// </summary>
internal sealed partial class ReplicaPump
{
    private const int MaxLeasesOfEntry = 64;
    private static readonly TimeSpan LeaseProposalPatience = TimeSpan.FromSeconds(1);

    private LeaseClock? leaseClock;
    private ITimer? leaseTimer;
    private long? leaseTimerEnd;

    /// <summary>Reads a lease, linearizably; null: there is none. On the pump's turn also under a leader's lease: the clock belongs to it.</summary>
    public Task<LeaseReply> ReadLeaseAsync(LeaseId lease) => ReadOnTurnAsync(
        async state => new LeaseReply(await LeaseStatusAsync(state, lease), null), static rejected => new LeaseReply(null, rejected));

    private void KeepLeases()
    {
        var (isReset, changes) = stateMachine.TakeLeaseChanges();
        if (isReset || changes.Count > 0)
        {
            // Read after the entries were applied: later than need be, never earlier.
            leaseClock ??= new(time);
            leaseClock.Take(isReset, changes, time.GetTimestamp());
        }

        if (leaseClock is null or { Count: 0 } || node.Configuration.IsWitness(node.Id))
        {
            return;
        }

        if (node.Role == RaftRole.Leader)
        {
            ProposeExpiries(leaseClock);
        }

        if (node.IsQuiesced && leaseClock.NextEnd is { } end && end != leaseTimerEnd)
        {
            var now = time.GetTimestamp();
            var left = end > now ? time.GetElapsedTime(now, end) : TimeSpan.Zero;
            leaseTimer ??= time.CreateTimer(static pump => ((ReplicaPump)pump!).WakeForLeases(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            leaseTimerEnd = end;

            // Timers count whole milliseconds, and may be early by a fraction.
            leaseTimer.Change(left + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        }
    }

    private void ProposeExpiries(LeaseClock clock)
    {
        var now = time.GetTimestamp();
        var due = clock.TakeDue(now, now - (long)(LeaseProposalPatience.TotalSeconds * time.TimestampFrequency), MaxLeasesOfEntry);
        if (due.Count > 0)
        {
            if (!node.Propose(KeyValueCommandCodec.Encode(new ExpireLeasesCommand([.. due]))).Accepted)
            {
                // The next round tries again.
                clock.PutBack(due);
                return;
            }

            // If it is lost, it is proposed again after a while, by whoever leads then.
            metrics.LeasesExpired.Add(due.Count);
            inbox.WakeAgain();
        }
    }

    private void WakeForLeases() => inbox.AddCompletion(new TurnRequest<bool>(
        () =>
        {
            leaseTimerEnd = null;
            if (leaseClock is { Count: > 0 } && leaseClock.NextEnd <= time.GetTimestamp())
            {
                node.Wake();
            }

            return ValueTask.FromResult(true);
        },
        false));

    private async ValueTask<LeaseStatus?> LeaseStatusAsync(IReplicaState state, LeaseId lease)
    {
        if (await state.GetAsync(StateRows.LeaseKey(lease)) is not { } row)
        {
            return null;
        }

        var record = StateRows.DecodeLease(row.Span);
        var keys = new List<ReadOnlyMemory<byte>>();
        using var view = state.OpenView();
        await foreach (var bound in view.ScanAsync(StateRows.BoundKey(lease, default), StateRows.AfterBoundKeys(lease)))
        {
            keys.Add(StateRows.BoundKeyOfRow(bound.Key).Key);
        }

        // A renewal that this very round applied has not reached the clock: nothing of the life has passed.
        return new(lease, record.Ttl, leaseClock?.RemainingOf(lease, record.RenewedAt, time.GetTimestamp()) ?? record.Ttl, keys);
    }
}
