using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Client;
using MultiDc.Client.Locks;
using MultiDc.Grains;

namespace MultiDc.Server.Tests.Locks;

public sealed class LeaderElectionTests : IDisposable
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(9);

    private readonly FakeTimeProvider time = new();
    private readonly MachineShard shard;
    private readonly MachineClient client;
    private readonly MultiDcLocks locks;
    private readonly LeaderElection election;

    public LeaderElectionTests()
    {
        shard = new(time);
        client = new(shard);
        locks = new(client, time, static () => 0.5);
        election = locks.Election("default", "e", Ttl);
    }

    public void Dispose() => locks.Dispose();

    [Fact]
    public async Task One_leads_at_a_time_and_all_are_told_of_each_change()
    {
        using var stop = new CancellationTokenSource();
        var seen = new ConcurrentQueue<LockHolder?>();
        var observing = ObserveAsync(seen, stop.Token);
        var first = await election.CampaignAsync("first");
        Assert.Equal(new LockHolder("first", first.Token), await election.GetLeaderAsync());
        var campaign = election.CampaignAsync("second");
        await PassAsync(TimeSpan.FromSeconds(30));
        Assert.False(campaign.IsCompleted);
        Assert.False(first.Lost.IsCancellationRequested);
        Assert.True(Assert.IsType<AppliedBatch>(await client.BatchAsync("default", [first.StillLeads], [Do.Put("{e}/plan", "a")], guard: first.Guard)).Succeeded);

        Assert.IsType<Applied>(await first.ResignAsync());
        Assert.True(first.Lost.IsCancellationRequested);
        var second = await DriveAsync(campaign);
        Assert.Equal("second", second.Candidate);
        Assert.Equal(RejectionReason.FencingTokenStale, Assert.IsType<Rejected>(await client.PutAsync("default", "{e}/plan", "late", first.Guard)).Reason);

        // While the watch cannot go on, only the state at its end is told.
        client.WatchProblem = new WatchCompactedException(new("default", 0), new(1), new(2));
        await second.DisposeAsync();
        client.WatchProblem = null;
        var third = await DriveAsync(election.CampaignAsync("third"));
        await PassAsync(TimeSpan.FromSeconds(2));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => observing);
        Assert.Equal([null, first.Token, null, second.Token], seen.Take(4).Select(static one => one?.Token));
        Assert.Equal(new LockHolder("third", third.Token), seen.Last());
        Assert.Equal(seen.Count, seen.Zip(seen.Skip(1)).Count(static pair => pair.First != pair.Second) + 1);
    }

    [Fact]
    public async Task What_is_refused_every_time_is_told_and_not_waited_for()
    {
        // Of a shard without a revision there is nothing to watch yet.
        await (await election.CampaignAsync("first")).ResignAsync();
        client.WatchProblem = new MultiDcUnavailableException(RejectionReason.UnknownKeyspace, "no such");
        var observing = ObserveAsync(new(), CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(RejectionReason.UnknownKeyspace, (await Assert.ThrowsAsync<MultiDcUnavailableException>(() => observing)).Reason);
    }

    private async Task ObserveAsync(ConcurrentQueue<LockHolder?> seen, CancellationToken stop)
    {
        await foreach (var leader in election.ObserveAsync(stop))
        {
            seen.Enqueue(leader);
        }
    }

    private async Task<T> DriveAsync<T>(Task<T> task)
    {
        for (var i = 0; i < 1000 && !task.IsCompleted; i++)
        {
            await PassAsync(TimeSpan.FromMilliseconds(50));
        }

        Assert.True(task.IsCompleted, "it does not come");
        return await task;
    }

    private async Task PassAsync(TimeSpan span)
    {
        for (var passed = TimeSpan.Zero; passed < span; passed += TimeSpan.FromMilliseconds(50))
        {
            time.Advance(TimeSpan.FromMilliseconds(50));
            for (var i = 0; i < 20; i++)
            {
                await Task.Yield();
            }

            shard.Tick();
        }
    }
}
