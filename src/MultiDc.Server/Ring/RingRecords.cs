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
        await router.ReadAsync(ShardId.Ring, links.RingPlaces, Encoding.UTF8.GetBytes(key), patience) switch
        {
            ReadServed served => served.Entry?.Value,
            ReadRejected rejected => throw new RingUnavailableException(rejected.Detail),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    public async Task<bool> TryReplaceAsync(
        string key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, IReadOnlyCollection<KeyValuePair<string, ReadOnlyMemory<byte>?>>? unchanged) =>
        await router.WriteAsync(ShardId.Ring, links.RingPlaces, Replace(Encoding.UTF8.GetBytes(key), expected, value, unchanged ?? []), patience) switch
        {
            AppliedBatch batch => batch.Succeeded,
            var outcome => outcome is Applied,
        };

    // Silos of earlier versions know no batches, and no shard with several replicas in a datacenter.
    private static WriteOperation Replace(
        byte[] key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, IReadOnlyCollection<KeyValuePair<string, ReadOnlyMemory<byte>?>> unchanged) => unchanged.Count == 0
        ? new CompareAndSetOperation(key, expected, value)
        : BatchOperation.Of([Is(key, expected), .. unchanged.Select(static record => Is(Encoding.UTF8.GetBytes(record.Key), record.Value))], [new PutOperation(key, value)]);

    private static Compare Is(byte[] key, ReadOnlyMemory<byte>? value) => value is { } bytes ? Compare.ValueEquals(key, bytes) : Compare.Absent(key);
}
