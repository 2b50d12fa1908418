using System.Text;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;
using MultiDc.Server.Founding;

namespace MultiDc.Server.Ring;

/// <inheritdoc/>
internal sealed class RingRecords(ShardRouter router, IDatacenterLinks links, TimeSpan patience) : IRingRecords
{
    public async Task<ReadOnlyMemory<byte>?> GetAsync(string key) =>
        await router.ReadAsync(ShardId.Ring, links.FullDatacenters, Encoding.UTF8.GetBytes(key), patience) switch
        {
            ReadServed served => served.Entry?.Value,
            ReadRejected rejected => throw new RingUnavailableException(rejected.Detail),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    public async Task<bool> TryReplaceAsync(string key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value) =>
        await router.WriteAsync(ShardId.Ring, links.FullDatacenters, new CompareAndSetOperation(Encoding.UTF8.GetBytes(key), expected, value), patience) is Applied;
}
