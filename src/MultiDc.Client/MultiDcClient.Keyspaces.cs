using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Client;

/// <summary>Keyspaces, which the ring keeps: any datacenter's ring grain can change it.</summary>
internal sealed partial class MultiDcClient
{
    public Task<WriteResult> CreateKeyspaceAsync(string keyspace, int shardCount, CancellationToken cancellationToken) =>
        CreateKeyspaceAsync(new KeyspaceDescriptor(keyspace, shardCount, default), cancellationToken);

    public async Task<WriteResult> CreateKeyspaceAsync(KeyspaceDescriptor keyspace, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        var descriptor = keyspace.Datacenters.IsDefaultOrEmpty ? keyspace with { Datacenters = [.. links.Datacenters.Order()] } : keyspace;
        return descriptor.DescribeProblem() is { } problem ? new Rejected(RejectionReason.InvalidArgument, problem)

            // A silo of an earlier version would not see what it does not know, and create another keyspace.
            : descriptor.HasNoPolicy ? await ChangeRingAsync(grain => grain.CreateKeyspaceAsync(descriptor), cancellationToken).ConfigureAwait(false)
            : await ChangeRingAsync(grain => grain.DefineKeyspaceAsync(descriptor), cancellationToken).ConfigureAwait(false);
    }

    public Task<WriteResult> AlterKeyspaceAsync(string keyspace, KeyspaceChange change, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        return ChangeRingAsync(grain => grain.AlterKeyspaceAsync(keyspace, change), cancellationToken);
    }

    public async Task<WriteResult> DropKeyspaceAsync(string keyspace, CancellationToken cancellationToken)
    {
        if (await ring.RefreshAsync(cancellationToken).ConfigureAwait(false) is not { } known)
        {
            return new Rejected(RejectionReason.Unavailable, "no datacenter tells its ring");
        }

        // One that is created under the name meanwhile is not meant. Which one is, is not known when a datacenter lags behind; then nothing is tried twice.
        var meant = known.TryGetKeyspace(keyspace, out var found) ? found.Incarnation : (ulong?)null;
        return await ChangeRingAsync(grain => grain.DropKeyspaceAsync(keyspace, meant), cancellationToken, mayRepeat: meant is not null).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<KeyspaceDescriptor>?> ListKeyspacesAsync(CancellationToken cancellationToken) =>
        (await ring.RefreshAsync(cancellationToken).ConfigureAwait(false))?.Keyspaces;

    // Nearly all these changes may be made twice without harm, so an unknown outcome may be tried elsewhere.
    private async Task<WriteResult> ChangeRingAsync(Func<IRingGrain, Task<WriteResult>> change, CancellationToken cancellationToken, bool mayRepeat = true)
    {
        WriteResult last = new Rejected(RejectionReason.Unavailable, "no datacenter is connected");
        Unknown? mayHaveHappened = null;
        foreach (var datacenter in links.Datacenters.OrderBy(d => d == links.Local ? 0 : 1))
        {
            if (links.TryGetLink(datacenter, out var link) && link.TryGetGrain<IRingGrain>(datacenter.Value, out var grain))
            {
                try
                {
                    last = await change(grain).WaitAsync(options.DefaultTimeout, time, cancellationToken).ConfigureAwait(false);
                }
                catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
                {
                    last = new Unknown($"datacenter {datacenter} did not answer: {exception.Message}");
                }

                // That the name is taken, or not there, holds for all attempts; any other refusal is about the last one only.
                if (last is Applied or Rejected { Reason: RejectionReason.InvalidArgument or RejectionReason.UnknownKeyspace })
                {
                    // What this client does next should know of it; if no ring is told, it learns of it as others do.
                    await ring.RefreshAsync(cancellationToken).ConfigureAwait(false);

                    // An attempt before it may have been what dropped it.
                    return mayHaveHappened is not null && last is Rejected { Reason: RejectionReason.UnknownKeyspace } gone ? new Unknown($"{mayHaveHappened.Detail}; now {gone.Detail}") : last;
                }

                mayHaveHappened ??= last as Unknown;
                if (last is Rejected { Reason: not RejectionReason.Unavailable } || (last is Unknown && !mayRepeat))
                {
                    break;
                }
            }
        }

        return mayHaveHappened ?? last;
    }
}
