using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// Linearizable reads under a leader lease (dissertation §6.4.1) that do not wait for the pump: it publishes its lease, and whoever holds that before and
/// after it read the state has read what was fresh in between.
/// <list type="number">
/// <item>While a lease is published, all that is committed is applied. Before the pump says anything that may end the lease, or tells others of a later
/// commit, it takes the lease back; so what others may have seen is in the state that is read after it was published.</item>
/// <item>The same publication before and after means one leadership: from the first look on, this replica has applied all that was ever acknowledged, and no
/// other could have been elected up to the second, which is also at the clock. Nothing was applied or installed between the two, for which the lease is taken
/// back: what was read is the state of one revision.</item>
/// <item>A later opening of the store, which would not keep this one's promises, is asked after between the two, as on the pump's turn.</item>
/// </list>
/// </summary>
internal sealed partial class ReplicaPump
{
    private readonly bool readsAnywhere;
    private volatile Lease? lease;
    private volatile bool wasRead;

    private sealed record Lease(Term Term, MonotonicTime Until);

    private void PublishLease()
    {
        if (readsAnywhere)
        {
            var until = storage.State.Applied >= node.Commit ? node.LeaseUntil : default;
            if (until == default)
            {
                lease = null;
            }
            else if (lease is not { } published || published.Until != until || published.Term != node.Term)
            {
                lease = new(node.Term, until);
            }
        }
    }

    private Lease? FindLease() => lease is { } published && Now() < published.Until ? published : null;

    private Task<TReply> ReadUnderLeaseAsync<TReply>(
        Lease before, Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse)
    {
        var reading = ReadAndConfirmAsync(read);
        return !reading.IsCompleted ? FinishAsync()
            : Succeeded() && HeldSince(before) ? reading
            : ReadOnTurnAsync(read, refuse);

        bool Succeeded() => reading.Exception is null && !reading.IsCanceled;

        async Task<TReply> FinishAsync()
        {
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return await (Succeeded() && HeldSince(before) ? reading : ReadOnTurnAsync(read, refuse)).ConfigureAwait(false);
        }
    }

    // Fenced, closed or broken: on its turn the pump meets it too, and knows what to do.
    private async Task<TReply> ReadAndConfirmAsync<TReply>(Func<IReplicaState, ValueTask<TReply>> read)
    {
        var reply = await read(storage.State).ConfigureAwait(false);
        await storage.ConfirmEpochAsync().ConfigureAwait(false);
        return reply;
    }

    private bool HeldSince(Lease before)
    {
        // No processor may look at the lease before it has read the state.
        Interlocked.MemoryBarrier();
        if (!ReferenceEquals(FindLease(), before))
        {
            return false;
        }

        if (!wasRead)
        {
            wasRead = true;
        }

        return true;
    }

    // A group that is only read would fall silent, and lose the lease.
    private void WakeForReaders()
    {
        if (wasRead)
        {
            wasRead = false;
            node.Wake();
        }
    }
}
