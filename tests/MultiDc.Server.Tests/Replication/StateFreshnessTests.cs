using Microsoft.Extensions.Time.Testing;
using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

public sealed class StateFreshnessTests
{
    private readonly FakeTimeProvider time = new();
    private readonly Queue<TaskCompletionSource<LogIndex?>> asked = new();
    private readonly Queue<(LogIndex Index, TaskCompletionSource<bool> Applied)> waits = new();
    private readonly SemaphoreSlim happened = new(0);
    private readonly StateFreshness freshness;

    public StateFreshnessTests() => freshness = new(
        stop =>
        {
            var answer = new TaskCompletionSource<LogIndex?>();
            stop.Register(() => answer.TrySetCanceled(stop));
            asked.Enqueue(answer);
            happened.Release();
            return answer.Task;
        },
        index =>
        {
            var applied = new TaskCompletionSource<bool>();
            waits.Enqueue((index, applied));
            happened.Release();
            return applied.Task;
        },
        time);

    [Fact]
    public async Task The_state_is_as_fresh_as_the_moment_before_the_leader_was_asked()
    {
        var before = time.GetTimestamp();
        var refresh = await BeginAsync();
        time.Advance(TimeSpan.FromMilliseconds(300));
        asked.Dequeue().SetResult(new LogIndex(7));
        await happened.WaitAsync();
        time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal(new LogIndex(7), waits.Peek().Index);
        Assert.Null(freshness.FreshAt);
        waits.Dequeue().Applied.SetResult(true);
        await refresh;
        Assert.Equal(before, freshness.FreshAt);
        Assert.Equal(TimeSpan.FromMilliseconds(500), time.GetElapsedTime(freshness.FreshAt!.Value));
    }

    [Fact]
    public async Task What_is_committed_but_not_applied_here_proves_nothing()
    {
        var refresh = await BeginAsync();
        asked.Dequeue().SetResult(new LogIndex(7));
        await happened.WaitAsync();
        waits.Dequeue().Applied.SetResult(false);
        await refresh;
        Assert.Null(freshness.FreshAt);
    }

    [Fact]
    public async Task A_leader_that_does_not_answer_is_waited_for_for_two_seconds_and_the_state_only_grows_older()
    {
        var first = await BeginAsync();
        asked.Dequeue().SetResult(new LogIndex(1));
        await happened.WaitAsync();
        waits.Dequeue().Applied.SetResult(true);
        await first;
        var known = freshness.FreshAt;

        var silent = await BeginAsync();
        time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(silent.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        await silent;
        Assert.Equal(known, freshness.FreshAt);

        var failed = await BeginAsync();
        asked.Last().SetException(new TimeoutException());
        await failed;
        Assert.Equal(known, freshness.FreshAt);
    }

    [Fact]
    public async Task However_many_readers_wait_the_leader_is_asked_once()
    {
        var refresh = await BeginAsync();
        Assert.Same(refresh, freshness.RefreshAsync());
        Assert.Single(asked);
        asked.Dequeue().SetResult(null);
        await refresh;
        Assert.Empty(waits);
    }

    [Fact]
    public async Task Who_catches_up_is_served_by_no_question_that_was_asked_before_it_came()
    {
        _ = await BeginAsync();
        var one = freshness.CatchUpAsync();
        var other = freshness.CatchUpAsync();
        Assert.Same(one, other);
        Assert.Single(asked);
        await AnswerAsync(7, isApplied: true);

        // The second question, for both of them.
        await HappenedAsync();
        Assert.False(one.IsCompleted);
        var late = freshness.CatchUpAsync();
        Assert.NotSame(one, late);
        await AnswerAsync(8, isApplied: true);
        Assert.True(await one);
        await HappenedAsync();
        Assert.False(late.IsCompleted);
        await AnswerAsync(9, isApplied: true);
        Assert.True(await late);
        Assert.Empty(asked);
    }

    [Fact]
    public async Task Who_catches_up_is_told_when_the_leader_does_not_tell_and_when_the_index_is_never_applied()
    {
        var untold = freshness.CatchUpAsync();
        await HappenedAsync();
        asked.Dequeue().SetResult(null);
        Assert.False(await untold);
        var unapplied = freshness.CatchUpAsync();
        await HappenedAsync();
        await AnswerAsync(7, isApplied: false);
        Assert.False(await unapplied);
        var failed = freshness.CatchUpAsync();
        await HappenedAsync();
        asked.Dequeue().SetException(new TimeoutException());
        Assert.False(await failed);
        Assert.Null(freshness.FreshAt);
    }

    private async Task AnswerAsync(ulong index, bool isApplied)
    {
        asked.Dequeue().SetResult(new LogIndex(index));
        await HappenedAsync();
        waits.Dequeue().Applied.SetResult(isApplied);
    }

    // Not a claim about speed: what never comes fails the test instead of keeping it.
    private async Task HappenedAsync() => Assert.True(await happened.WaitAsync(TimeSpan.FromMinutes(1)), "nothing was asked or waited for");

    private async Task<Task> BeginAsync()
    {
        var refresh = freshness.RefreshAsync();
        await HappenedAsync();
        return refresh;
    }
}
