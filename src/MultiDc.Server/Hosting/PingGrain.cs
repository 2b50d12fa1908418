using MultiDc.Grains;
using Orleans.Concurrency;

namespace MultiDc.Server.Hosting;

/// <inheritdoc/>
[StatelessWorker(1), Reentrant]
internal sealed class PingGrain : Grain, IPingGrain
{
    public Task PingAsync() => Task.CompletedTask;
}
