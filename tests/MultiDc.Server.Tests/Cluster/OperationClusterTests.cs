using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Routing.Shards;
using MultiDc.Testing.Cluster;
using Xunit.Abstractions;

namespace MultiDc.Server.Tests.Cluster;

[Collection(ClusterTests.Name)]
public sealed class OperationClusterTests(SharedCluster shared, ITestOutputHelper output)
{
    // 100,000 by hand: MULTIDC_INCREMENTS.
    private static readonly int Increments = int.TryParse(Environment.GetEnvironmentVariable("MULTIDC_INCREMENTS"), out var wanted) ? wanted : 1500;

    private MultiDcTestCluster Cluster => shared.Cluster;

    private IMultiDcClient Client => Cluster.Clients[new("dc2")];

    [Fact]
    public async Task Numbers_and_texts_are_changed_without_a_read()
    {
        Assert.Equal(5, Assert.IsType<AppliedNumber>(await Client.AddAsync("default", "{ops}/n", 5)).Number);
        Assert.Equal(-2, Assert.IsType<AppliedNumber>(await Client.AddAsync("default", "{ops}/n", -7)).Number);
        Assert.Equal(9, Assert.IsType<AppliedNumber>(await Client.MaxAsync("default", "{ops}/n", 9)).Number);
        Assert.Equal(9, Assert.IsType<AppliedNumber>(await Client.MaxAsync("default", "{ops}/n", 3)).Number);
        Assert.Equal(3, Assert.IsType<AppliedNumber>(await Client.AppendAsync("default", "{ops}/n", "ab")).Number);
        Assert.Equal("9ab", await ReadAsync("{ops}/n"));
        Assert.Equal(RejectionReason.NotAnInteger, ReasonOf(await Client.AddAsync("default", "{ops}/n", 1)));
        Assert.IsType<AppliedNumber>(await Client.AddAsync("default", "{ops}/most", long.MaxValue));
        Assert.Equal(RejectionReason.OutOfRange, ReasonOf(await Client.AddAsync("default", "{ops}/most", 1)));
    }

    [Fact]
    public async Task A_batch_does_one_of_two_things_whole_and_tells_what_it_saw()
    {
        WriteOperation[] then = [Do.Put("{cart}/state", "paid"), Do.Add("{cart}/total", 30), Do.Get("{cart}/state")];
        var first = Assert.IsType<AppliedBatch>(await Client.BatchAsync("default", [When.Absent("{cart}/state")], then, [Do.Get("{cart}/state")]));
        Assert.True(first.Succeeded);
        Assert.Equal(("paid", 30L), (first.Results[2].Entry!.ValueText(), first.Results[1].Number));
        Assert.Equal(first.Revision, first.Results[2].Entry!.CreateRevision);

        var second = Assert.IsType<AppliedBatch>(await Cluster.Client.BatchAsync("default", [When.Absent("{cart}/state")], then, [Do.Get("{cart}/state"), Do.Get("{cart}/none")]));
        Assert.False(second.Succeeded);
        Assert.Equal(("paid", null), (second.Results[0].Entry!.ValueText(), second.Results[1].Entry));
        Assert.Equal("30", await ReadAsync("{cart}/total"));

        Assert.Equal(RejectionReason.NotAnInteger, ReasonOf(await Client.BatchAsync("default", null, [Do.Put("{cart}/total", "0"), Do.Add("{cart}/state", 1)])));
        Assert.Equal("30", await ReadAsync("{cart}/total"));
    }

    [Fact]
    public async Task A_batch_over_several_shards_is_refused_by_the_client_and_by_the_shard()
    {
        var rejected = Assert.IsType<Rejected>(await Client.BatchAsync("default", null, [.. Enumerable.Range(0, 9).Select(static i => Do.Delete($"spread/{i}"))]));
        Assert.Equal(RejectionReason.InvalidArgument, rejected.Reason);
        Assert.Contains("{tag}", rejected.Detail);

        using var router = NewRouter(new LossyLinks(Cluster, static () => false));
        var batch = BatchOperation.Of(null, [.. Enumerable.Range(0, 9).Select(static i => Do.Delete($"spread/{i}"))]);
        Assert.Equal(RejectionReason.WrongShard, ReasonOf(await router.WriteAsync(new("default", HashRange.ShardOf(HashRange.HashOf(batch.Key.Span), 16)), [.. Datacenters], batch, MultiDcTestCluster.Patience)));
    }

    [Fact]
    public async Task A_stale_token_writes_nothing()
    {
        Assert.IsType<Applied>(await Client.PutAsync("default", "{fence}/k", "first", new Guard("fence", 5)));
        Assert.IsType<Applied>(await Cluster.Client.PutAsync("default", "{fence}/k", "second", new Guard("fence", 6)));
        Assert.Equal(RejectionReason.FencingTokenStale, ReasonOf(await Client.PutAsync("default", "{fence}/k", "late", new Guard("fence", 5))));
        Assert.Equal(RejectionReason.FencingTokenStale, ReasonOf(await Client.BatchAsync("default", null, [Do.Delete("{fence}/k")], guard: new("fence", 5))));
        Assert.Equal("second", await ReadAsync("{fence}/k"));
        Assert.IsType<Applied>(await Client.ForgetGuardAsync("default", "{fence}/k", new("fence", 6)));
        Assert.IsType<Applied>(await Client.DeleteAsync("default", "{fence}/k", new Guard("fence", 1)));
    }

    [Fact]
    public async Task What_is_not_well_formed_is_refused_by_the_replica_too()
    {
        var replica = Cluster.Replica(new(new("default", 0), new("dc1")));
        WriteOperation[] bad =
        [
            new GetOperation("k"u8.ToArray()),
            new ForgetGuardOperation("k"u8.ToArray()),
            new AddOperation("k"u8.ToArray(), 1) { Guard = new("", 1) },
            new AddOperation("k"u8.ToArray(), 1) { Guard = new(new string('g', Guard.MaxNameBytes + 1), 1) },
            BatchOperation.Of(null, null),
            BatchOperation.Of(null, [BatchOperation.Of(null, [Do.Delete("k")])]),
            BatchOperation.Of(null, [new CompareAndSetOperation("k"u8.ToArray(), null, default)]),
            BatchOperation.Of(null, [Do.Delete("k") with { Guard = new("g", 1) }]),
            BatchOperation.Of(null, Enumerable.Repeat(Do.Delete("k"), BatchOperation.MaxOperations + 1)),
            BatchOperation.Of(null, Enumerable.Repeat(new PutOperation("k"u8.ToArray(), new byte[KeyLimits.MaxValueBytes]), 2)),
            BatchOperation.Of([new("k"u8.ToArray(), CompareTarget.Value, CompareRelation.Less, default, 0)], null),
            BatchOperation.Of([new("k"u8.ToArray(), (CompareTarget)9, CompareRelation.Less, default, 0)], null),
            BatchOperation.Of([Compare.Exists(default)], [Do.Delete("k")]),
        ];
        foreach (var operation in bad)
        {
            var rejected = Assert.IsType<Rejected>(await replica.WriteAsync(new(new(1), new(1), operation, TimeSpan.FromSeconds(1))));
            output.WriteLine(rejected.Detail);
            Assert.Equal(RejectionReason.InvalidArgument, rejected.Reason);
        }
    }

    [Fact]
    public async Task Increments_whose_answers_are_lost_count_once()
    {
        var random = new Random(5);
        var lost = 0;
        using var router = NewRouter(new LossyLinks(Cluster, () =>
        {
            lock (random)
            {
                lost++;
                return random.Next(0, 3) == 0;
            }
        }));
        var key = "storm"u8.ToArray();
        var shard = new ShardId("default", HashRange.ShardOf(HashRange.HashOf(key), 16));
        var (begun, numbers) = (0, new System.Collections.Concurrent.ConcurrentBag<long>());
        await Task.WhenAll(Enumerable.Range(0, 24).Select(async worker =>
        {
            while (Interlocked.Increment(ref begun) <= Increments)
            {
                numbers.Add(Assert.IsType<AppliedNumber>(await router.WriteAsync(shard, [.. Datacenters], new AddOperation(key, 1), MultiDcTestCluster.Patience)).Number);
                if (worker == 0 && numbers.Count % 10 == 0)
                {
                    foreach (var replica in Datacenters.Select(d => Cluster.Replica(new(shard, d))))
                    {
                        await replica.TransferLeadershipAsync(Datacenters[random.Next(0, 3)]);
                    }
                }
            }
        }));
        Assert.Equal(Enumerable.Range(1, Increments).Select(static n => (long)n), numbers.Order());
        Assert.Equal($"{Increments}", await ReadAsync("storm"));
        output.WriteLine($"{Increments} increments over {lost} calls");
    }

    private DatacenterId[] Datacenters => [.. Cluster.Options.Datacenters.Select(static d => new DatacenterId(d))];

    private async Task<string?> ReadAsync(string key) => Assert.IsType<ReadServed>(await Cluster.Client.GetAsync("default", key)).Entry?.ValueText();

    private static RejectionReason ReasonOf(WriteResult result) => Assert.IsType<Rejected>(result).Reason;

    private static ShardRouter NewRouter(IDatacenterLinks links) => new(links, new(), TimeProvider.System, static () => 0.5, NullLogger<ShardRouter>.Instance);

    /// <summary>Links whose replicas do what they are asked, and whose answers get lost now and then.</summary>
    private sealed class LossyLinks(MultiDcTestCluster cluster, Func<bool> loses) : IDatacenterLinks
    {
        public DatacenterId Local => Datacenters[0];

        public IReadOnlyList<DatacenterId> Datacenters { get; } = [.. cluster.Options.Datacenters.Select(static d => new DatacenterId(d))];

        public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
        {
            link = new Link(datacenter, cluster, loses);
            return true;
        }

        private sealed class Link(DatacenterId datacenter, MultiDcTestCluster cluster, Func<bool> loses) : IDatacenterLink
        {
            public DatacenterId Datacenter => datacenter;

            public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
                where TGrain : class, IGrainWithStringKey
            {
                grain = (TGrain)(object)new LossyReplica(cluster.Grains.GetGrain<IReplicaGrain>(key), loses);
                return true;
            }
        }
    }

    private sealed class LossyReplica(IReplicaGrain inner, Func<bool> loses) : IReplicaGrain
    {
        public Task<OpenSessionReply> OpenSessionAsync(OpenSessionRequest request) => Answered(inner.OpenSessionAsync(request));

        public Task<WriteResult> WriteAsync(WriteRequest request) => Answered(inner.WriteAsync(request));

        public Task<WriteManyReply> WriteManyAsync(WriteManyRequest request) => Answered(inner.WriteManyAsync(request));

        public Task<ReadManyReply> ReadManyAsync(ReadManyRequest request) => throw new NotSupportedException();

        public Task<ReadResult> ReadAsync(ReadRequest request) => throw new NotSupportedException();

        public Task<ReadResult> ReadStaleAsync(StaleReadRequest request) => throw new NotSupportedException();

        public Task<ReadResult> ReadAtLeastAsync(ReadAtLeastRequest request) => throw new NotSupportedException();

        public Task<ReadResult> ReadByFollowerAsync(ReadRequest request) => throw new NotSupportedException();

        public Task<ScanReply> ScanAsync(ScanRequest request) => throw new NotSupportedException();

        public Task<LeaseReply> ReadLeaseAsync(LeaseReadRequest request) => throw new NotSupportedException();

        public Task<WatchReply> WatchAsync(WatchRequest request) => throw new NotSupportedException();

        public Task<ReplicaStatus> GetStatusAsync() => throw new NotSupportedException();

        public Task<bool> TransferLeadershipAsync(DatacenterId to) => throw new NotSupportedException();

        private async Task<T> Answered<T>(Task<T> answer)
        {
            var result = await answer;
            return loses() ? throw new TimeoutException("the answer was lost") : result;
        }
    }
}
