using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Routing.Links;
using MultiDc.Server.Founding;
using MultiDc.Server.Replacements;
using MultiDc.Server.Replication;
using MultiDc.Server.Tests.Openings;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Replacements;

/// <summary>A new home that reaches nobody but itself.</summary>
public sealed class GroupJoinerTests
{
    [Theory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public async Task One_that_leads_itself_tells_itself_how_far_it_is(bool isSettled, bool isMember)
    {
        await using var joiner = await JoinerAsync(replaces: true, new(isSettled ? JoinOutcome.Settled : JoinOutcome.UnderWay, isMember, "so it is"));
        joiner.Start();
        Assert.Equal(isMember, joiner.Member.IsCompleted);
        Assert.Equal(!isSettled, joiner.Detail == "so it is");
        Assert.False(joiner.Refused.IsCompleted);
    }

    [Fact]
    public async Task One_that_would_be_a_witness_where_there_was_none_is_refused()
    {
        await using var joiner = await JoinerAsync(replaces: true, new(JoinOutcome.Refused, false, "no witness"));
        joiner.Start();
        Assert.Contains("no witness", (await joiner.Refused).Detail);
        Assert.False(joiner.Member.IsCompleted);
    }

    [Fact]
    public async Task A_founder_asks_nobody()
    {
        await using var joiner = await JoinerAsync(replaces: false, null);
        joiner.Start();
        Assert.True(joiner.Member.IsCompleted);
    }

    private static async Task<GroupJoiner> JoinerAsync(bool replaces, JoinReply? ofItself)
    {
        var store = new MemoryReplicaStore(new(new("test", Guid.NewGuid())));
        var storage = (await store.OpenAsync(new(OpeningsWorld.A.ToString()), new(GroupConfiguration.None)))!;
        var opened = new Opened(storage, new(HashRange.Full, [OpeningsWorld.A.Datacenter, OpeningsWorld.B, OpeningsWorld.C], []), Guid.NewGuid())
        {
            Replacement = replaces ? GroupMembers.IdOf(OpeningsWorld.A.Datacenter, store.Identity.StoreId) : null,
        };
        return new(OpeningsWorld.A, opened, null!, store.Identity.StoreId, new NoLinks(), TestGate.Open.Own, new FakeTimeProvider(), NullLogger.Instance)
        {
            AskSelf = _ => Task.FromResult(ofItself ?? throw new InvalidOperationException("nobody is asked")),
        };
    }

    private sealed class NoLinks : IDatacenterLinks
    {
        public DatacenterId Local => OpeningsWorld.A.Datacenter;

        public IReadOnlyList<DatacenterId> Datacenters => [OpeningsWorld.A.Datacenter, OpeningsWorld.B, OpeningsWorld.C];

        public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
        {
            link = null;
            return false;
        }
    }
}
