using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Routing.Links;

namespace MultiDc.Host.Bench;

/// <summary>MultiDc through one client, which all logical clients share as they would in a web app's process.</summary>
/// <param name="client">The client.</param>
/// <param name="links">Its ways to the datacenters; null: there is nothing to ping, and servers do not tell what they use.</param>
/// <param name="keyspace">Where the keys are.</param>
/// <param name="timeout">When an operation is given up.</param>
internal sealed class MultiDcTarget(IMultiDcClient client, IDatacenterLinks? links, string keyspace, TimeSpan timeout) : IBenchTarget
{
    private static readonly TimeSpan UsageTimeout = TimeSpan.FromSeconds(3);

    public string Name => "multidc";

    public async ValueTask<OperationOutcome> PutAsync(int number, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken) =>
        await client.PutAsync(keyspace, key, value, timeout, cancellationToken).ConfigureAwait(false) switch
        {
            Applied => OperationOutcome.Done,
            Rejected rejected => Rejected(rejected.Reason),
            _ => OperationOutcome.Unknown,
        };

    public async ValueTask<OperationOutcome> GetAsync(int number, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        await client.GetAsync(keyspace, key, timeout, cancellationToken).ConfigureAwait(false) switch
        {
            ReadServed { Entry: not null } => OperationOutcome.Done,
            ReadServed => OperationOutcome.Absent,
            ReadRejected rejected => Rejected(rejected.Reason),
            _ => OperationOutcome.Unknown,
        };

    public async ValueTask<OperationOutcome> ScanAsync(int number, ReadOnlyMemory<byte> after, int limit, CancellationToken cancellationToken) =>
        await client.ScanPageAfterAsync(keyspace, BenchData.PrefixBytes, limit, after, timeout, cancellationToken).ConfigureAwait(false) is { Rejection: { } rejection }
            ? Rejected(rejection.Reason)
            : OperationOutcome.Done;

    public async ValueTask<OperationOutcome> PingAsync(int number, CancellationToken cancellationToken)
    {
        // All datacenters in turn, as the leaders of many shards are in all of them.
        if (links is null || !links.TryGetLink(links.Datacenters[number % links.Datacenters.Count], out var link) || !link.TryGetGrain<IPingGrain>("bench", out var grain))
        {
            return Rejected(RejectionReason.Unavailable);
        }

        await grain.PingAsync().WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
        return OperationOutcome.Done;
    }

    public async Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken)
    {
        var silos = await Task.WhenAll((links?.Datacenters ?? []).Select(AskAsync)).ConfigureAwait(false);
        return [.. silos.SelectMany(static each => each)];

        async Task<IEnumerable<ServerUsage>> AskAsync(DatacenterId datacenter)
        {
            try
            {
                return links!.TryGetLink(datacenter, out var link) && link.TryGetGrain<IUsageGrain>(datacenter.Value, out var grain)
                    ? (await grain.GetUsageAsync().WaitAsync(UsageTimeout, cancellationToken).ConfigureAwait(false)).Select(static silo =>
                        new ServerUsage(silo.Process.ToString(), silo.ProcessorTime, silo.AllocatedBytes, silo.DiskBytes, silo.Flushes))
                    : [];
            }
            catch (Exception) when (!cancellationToken.IsCancellationRequested)
            {
                // Figures of some servers would be mistaken for figures of all.
                return [new ServerUsage($"{datacenter} does not answer {Guid.NewGuid()}", default, null, null, null)];
            }
        }
    }

    private static OperationOutcome Rejected(RejectionReason reason) => new($"rejected: {System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(reason.ToString())}");
}
