using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Raft;
using MultiDc.Routing.Links;
using MultiDc.Server.Replication;
using MultiDc.Server.Transport;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Attack;

/// <summary>Links that fail in ways a pump must not notice.</summary>
public sealed class TransportAttackTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly ReplicaMetrics metrics = new(null);
    private readonly ReplicaSender sender = new(new(new("kv", 0), new("a")), Guid.Empty, new Epoch(1));

    public void Dispose() => metrics.Dispose();

    [Fact]
    public void A_link_that_throws_at_once_is_loss_and_does_not_break_the_replica()
    {
        // As an embedded client does once the silo's services are disposed, while pumps still run.
        using var transport = Transport();
        transport.Send(sender, [new WakeRequest(GroupMembers.IdOf(new("a")), GroupMembers.IdOf(new("b")), new Term(1))]);
    }

    [Fact]
    public void A_pump_that_still_speaks_after_the_transport_was_disposed_of_is_not_broken()
    {
        var transport = Transport();
        transport.Dispose();
        transport.Send(sender, [new WakeRequest(GroupMembers.IdOf(new("a")), GroupMembers.IdOf(new("b")), new Term(1))]);
    }

    [Fact]
    public async Task A_link_that_breaks_costs_a_chunk_its_time_and_not_the_whole_snapshot()
    {
        using var transport = Transport();
        var sent = transport.SendChunkAsync(sender, GroupMembers.IdOf(new("b")), null!, TimeSpan.FromSeconds(5));
        Assert.False(sent.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<TimeoutException>(() => sent);
    }

    private GrainRaftTransport Transport() =>
        new(new Links(), TestGate.Open, new(), TaskScheduler.Default, time, metrics, NullLogger<GrainRaftTransport>.Instance);

    private sealed class Links : IDatacenterLinks, IDatacenterLink
    {
        public DatacenterId Local => new("a");

        public IReadOnlyList<DatacenterId> Datacenters => [new("a"), new("b")];

        public DatacenterId Datacenter => new("b");

        public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
        {
            link = this;
            return true;
        }

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey => throw new ObjectDisposedException("client");
    }
}
