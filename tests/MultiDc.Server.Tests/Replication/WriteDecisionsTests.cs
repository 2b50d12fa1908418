using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.Replication;

public sealed class WriteDecisionsTests
{
    [Fact]
    public async Task The_first_word_of_each_counts_and_all_are_decided_when_the_last_is()
    {
        var decisions = new WriteDecisions(3);
        var deciders = Enumerable.Range(0, 3).Select(i => (Action<ApplyResult>)(applied => new ProposeTogether(default, decisions, i).Complete(applied))).ToArray();
        deciders[1](new ApplyResult(new Applied(new(1))));
        deciders[1](new ApplyResult(new Unknown("the replica stopped")));
        deciders[1](new ApplyResult(new Unknown("the replica stopped")));
        Assert.False(decisions.All.IsCompleted);
        decisions.Decide(0, new Rejected(RejectionReason.NotReady, "not yet"));
        Assert.Null(decisions.Of(2));
        deciders[2](new ApplyResult(new Unknown("lost")));
        await decisions.All;
        deciders[0](new ApplyResult(new Applied(new(2))));
        Assert.Equal([typeof(Rejected), typeof(Applied), typeof(Unknown)], Enumerable.Range(0, 3).Select(i => decisions.Of(i)!.GetType()));
    }

    [Fact]
    public async Task Whoever_decides_from_many_threads_at_once_decides_each_once()
    {
        for (var round = 0; round < 200; round++)
        {
            var decisions = new WriteDecisions(8);
            await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
            {
                for (var i = 0; i < 8; i++)
                {
                    decisions.Decide(i, new Applied(new((ulong)thread + 1)));
                }
            })));
            await decisions.All.WaitAsync(TimeSpan.FromMinutes(1));
            Assert.All(Enumerable.Range(0, 8), i => Assert.IsType<Applied>(decisions.Of(i)));
        }
    }
}
