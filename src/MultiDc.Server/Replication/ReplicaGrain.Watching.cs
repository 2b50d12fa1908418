using MultiDc.Grains;
using MultiDc.Server.Watching;

namespace MultiDc.Server.Replication;

/// <summary>Watches, served by any replica.</summary>
internal sealed partial class ReplicaGrain
{
    public Task<WatchReply> WatchAsync(WatchRequest request) => pump is not null && staleReader is { } reader
        ? new ReplicaWatches(address, reader.Pump, reader.Freshness, time, metrics).WatchAsync(request)
        : Task.FromResult(new WatchReply([], request.After ?? default, null, new(WhyNotServed, NotReadyDetail)));
}
