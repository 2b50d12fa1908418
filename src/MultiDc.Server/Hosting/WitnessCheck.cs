using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Storage;

namespace MultiDc.Server.Hosting;

/// <summary>
/// Before the silo joins its cluster: a store that is the home of a ring replica knows which datacenters were founded as witnesses, and a silo with
/// another configuration does not start. Other stores find out when they open a replica, see <see cref="ReplicaFounder"/>.
/// </summary>
internal sealed class WitnessCheck(ReplicaRecords records, IDatacenterLinks links) : IHostedLifecycleService
{
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        if (await FoundedRingAsync() is { } ring && ring.DescribeOtherWitnesses(links) is { } otherwise)
        {
            throw new OptionsValidationException("MultiDc", typeof(MultiDcOptions), [$"MultiDc options: Datacenters: the system of this silo's store is another: {otherwise}"]);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private async ValueTask<ShardDescriptor?> FoundedRingAsync()
    {
        try
        {
            return await records.GetDescriptorAsync(new(ShardId.Ring, links.Local));
        }
        catch (StoreUnavailableException)
        {
            // Nothing is opened either before the database is back.
            return null;
        }
    }
}
