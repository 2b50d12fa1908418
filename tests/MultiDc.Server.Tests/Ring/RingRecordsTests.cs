using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;
using MultiDc.Server.Ring;
using MultiDc.Server.Tests.Locks;

namespace MultiDc.Server.Tests.Ring;

/// <summary>The records in the ring's shard, over its state machine.</summary>
public sealed class RingRecordsTests : IDisposable
{
    private readonly OneReplica replica = new(new FakeTimeProvider());
    private readonly ShardRouter router;
    private readonly RingRecords records;

    public RingRecordsTests()
    {
        router = new(replica, new(), new FakeTimeProvider(), static () => 0.5, NullLogger<ShardRouter>.Instance);
        records = new(router, replica, TimeSpan.FromSeconds(2));
    }

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task A_record_is_written_while_it_is_as_it_was_read_and_the_others_too()
    {
        Assert.True(await ReplaceAsync("a", null, "1"));
        Assert.False(await ReplaceAsync("a", null, "2"));
        Assert.False(await ReplaceAsync("b", null, "1", ("a", "2")));
        Assert.False(await ReplaceAsync("b", null, "1", ("a", null)));
        Assert.False(await ReplaceAsync("b", null, "1", ("a", "1"), ("c", "1")));
        Assert.Null(await GetAsync("b"));
        Assert.True(await ReplaceAsync("b", null, "1", ("a", "1"), ("c", null)));
        Assert.False(await ReplaceAsync("b", null, "2", ("a", "1")));
        Assert.False(await ReplaceAsync("b", "2", "3", ("a", "1")));
        Assert.Equal("1", await GetAsync("b"));
        Assert.True(await ReplaceAsync("b", "1", "2", ("a", "1")));
        Assert.Equal("2", await GetAsync("b"));
    }

    [Fact]
    public async Task Where_no_others_count_it_is_what_earlier_versions_know()
    {
        await ReplaceAsync("a", null, "1");
        Assert.IsType<CompareAndSetOperation>(Assert.Single(replica.Shard.Done));
    }

    private Task<bool> ReplaceAsync(string key, string? expected, string value, params (string Key, string? Value)[] unchanged) =>
        records.TryReplaceAsync(key, Bytes(expected), Encoding.UTF8.GetBytes(value), [.. unchanged.Select(static other => KeyValuePair.Create(other.Key, Bytes(other.Value)))]);

    private async Task<string?> GetAsync(string key) => await records.GetAsync(key) is { } value ? Encoding.UTF8.GetString(value.Span) : null;

    private static ReadOnlyMemory<byte>? Bytes(string? text) => text is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(text);

    /// <summary>One datacenter whose replica of the ring's shard leads.</summary>
    private sealed class OneReplica(TimeProvider time) : IDatacenterLinks, IDatacenterLink, IReplicaGrain
    {
        public MachineShard Shard { get; } = new(time);

        public DatacenterId Local => new("a");

        public DatacenterId Datacenter => Local;

        public IReadOnlyList<DatacenterId> Datacenters => [Local];

        public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
        {
            link = this;
            return true;
        }

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey
        {
            grain = (TGrain)(object)this;
            return true;
        }

        public Task<OpenSessionReply> OpenSessionAsync(OpenSessionRequest request) => Task.FromResult<OpenSessionReply>(new(new(1), new Applied(new(1))));

        public Task<WriteResult> WriteAsync(WriteRequest request) => Task.FromResult(Shard.Write(request.Operation));

        public Task<ReadResult> ReadAsync(ReadRequest request) => Task.FromResult<ReadResult>(Shard.ReadServed(request.Key));

        public Task<WriteManyReply> WriteManyAsync(WriteManyRequest request) => Task.FromResult<WriteManyReply>(new([.. request.Writes.Select(write => Shard.Write(write.Operation))]));

        public Task<ReadManyReply> ReadManyAsync(ReadManyRequest request) => Task.FromResult<ReadManyReply>(new([.. request.Reads.Select(read => Shard.ReadServed(read.Key))]));

        public Task<ReadResult> ReadStaleAsync(StaleReadRequest request) => throw new NotSupportedException();

        public Task<ReadResult> ReadAtLeastAsync(ReadAtLeastRequest request) => throw new NotSupportedException();

        public Task<ReadResult> ReadByFollowerAsync(ReadRequest request) => throw new NotSupportedException();

        public Task<ScanReply> ScanAsync(ScanRequest request) => throw new NotSupportedException();

        public Task<LeaseReply> ReadLeaseAsync(LeaseReadRequest request) => throw new NotSupportedException();

        public Task<WatchReply> WatchAsync(WatchRequest request) => throw new NotSupportedException();

        public Task<ReplicaStatus> GetStatusAsync() => throw new NotSupportedException();

        public Task<bool> TransferLeadershipAsync(DatacenterId to) => throw new NotSupportedException();
    }
}
