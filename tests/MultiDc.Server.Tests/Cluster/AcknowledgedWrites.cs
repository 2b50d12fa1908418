using MultiDc.Client;
using MultiDc.Testing.Cluster;

namespace MultiDc.Server.Tests.Cluster;

/// <summary>Writes to distinct keys and remembers what was acknowledged, to ask for it later.</summary>
internal sealed class AcknowledgedWrites(string keyspace = "default")
{
    private readonly Dictionary<string, string> applied = [];
    private int next;

    public int Count => applied.Count;

    public IEnumerable<string> Keys => applied.Keys;

    public async Task WriteAsync(IMultiDcClient client, int count)
    {
        var keys = Enumerable.Range(next, count).Select(static i => $"acknowledged/{i:0000}").ToArray();
        next += count;
        var outcomes = await Task.WhenAll(keys.Select(key => client.PutAsync(keyspace, key, $"value of {key}", MultiDcTestCluster.Patience)));
        for (var i = 0; i < count; i++)
        {
            Assert.IsType<Applied>(outcomes[i]);
            applied.Add(keys[i], $"value of {keys[i]}");
        }
    }

    public async Task RequireAllAsync(IMultiDcClient client)
    {
        var reads = await Task.WhenAll(applied.Keys.Select(async key => (Key: key, Read: await client.GetAsync(keyspace, key, MultiDcTestCluster.Patience))));
        Assert.All(reads, read => Assert.Equal(applied[read.Key], Assert.IsType<ReadServed>(read.Read).Entry?.ValueText()));
    }
}
