using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Raft;
using MultiDc.Routing.Links;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Attack;

/// <summary>Links that fail in ways a pump must not notice.</summary>
public sealed class TransportAttackTests
{
    [Fact]
    public void A_link_that_throws_at_once_is_loss_and_does_not_break_the_replica()
    {
        // As an embedded client does once the silo's services are disposed, while pumps still run.
        var transport = new GrainRaftTransport(new Links(), TimeProvider.System, NullLogger<GrainRaftTransport>.Instance);
        var sender = new ReplicaSender(new(new("kv", 0), new("a")), Guid.Empty, new Epoch(1));
        transport.Send(sender, [new WakeRequest(GroupMembers.IdOf(new("a")), GroupMembers.IdOf(new("b")), new Term(1))]);
    }

    [Fact]
    public async Task A_link_that_breaks_costs_a_chunk_its_time_and_not_the_whole_snapshot()
    {
        var time = new FakeTimeProvider();
        var transport = new GrainRaftTransport(new Links(), time, NullLogger<GrainRaftTransport>.Instance);
        var sender = new ReplicaSender(new(new("kv", 0), new("a")), Guid.Empty, new Epoch(1));
        var sent = transport.SendChunkAsync(sender, GroupMembers.IdOf(new("b")), null!, TimeSpan.FromSeconds(5));
        Assert.False(sent.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<TimeoutException>(() => sent);
    }

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
