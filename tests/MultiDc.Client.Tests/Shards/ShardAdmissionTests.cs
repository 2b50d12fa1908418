using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests.Shards;

/// <summary>Who may ask a shard now, who waits, and who is refused at once.</summary>
public sealed class ShardAdmissionTests
{
    private static readonly TimeSpan Prompt = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task Whoever_finds_no_place_waits_in_order_and_is_let_in_as_others_leave()
    {
        var admission = New(least: 1, most: 2, waiting: 2);
        Assert.Null(await Soon(admission.EnterAsync(Patience, default)));
        Assert.Null(await Soon(admission.EnterAsync(Patience, default)));
        var first = admission.EnterAsync(Patience, default).AsTask();
        var second = admission.EnterAsync(Patience, default).AsTask();
        admission.Leave();
        Assert.Null(await Soon(first));
        Assert.False(second.IsCompleted);
        admission.Leave();
        Assert.Null(await Soon(second));
    }

    [Fact]
    public async Task Whoever_finds_no_place_to_wait_is_refused_at_once_and_told_when_to_come_again()
    {
        var admission = New(least: 1, most: 1, waiting: 1);
        Assert.Null(await Soon(admission.EnterAsync(Patience, default)));
        for (var i = 0; i < 200; i++)
        {
            admission.Answered(TimeSpan.FromMilliseconds(300), Prompt);
        }

        var waiting = admission.EnterAsync(Patience, default).AsTask();
        Assert.InRange((await Soon(admission.EnterAsync(Patience, default)))!.Value.TotalMilliseconds, 590, 610);
        Assert.False(waiting.IsCompleted);
    }

    [Fact]
    public async Task Nobody_waits_longer_than_half_of_its_patience_and_whoever_gave_up_takes_no_place()
    {
        var admission = New(least: 1, most: 1, waiting: 1);
        Assert.Null(await Soon(admission.EnterAsync(Patience, default)));
        var tooLong = admission.EnterAsync(Patience, default).AsTask();
        time.Advance(Patience / 2);
        Assert.NotNull(await Soon(tooLong));

        using var stop = new CancellationTokenSource();
        var cancelled = admission.EnterAsync(Patience, stop.Token).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Soon(cancelled));

        var next = admission.EnterAsync(Patience, default).AsTask();
        admission.Leave();
        Assert.Null(await Soon(next));
    }

    [Fact]
    public async Task The_limit_shrinks_once_for_all_that_were_late_and_not_below_the_least()
    {
        var admission = New(least: 10, most: 1_000, waiting: 0);
        var before = admission.Limit;
        admission.Answered(Prompt * 2, Prompt);
        admission.Overloaded();
        admission.Overloaded();
        Assert.Equal(before * 8 / 10, admission.Limit);
        for (var i = 0; i < 100; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(200));
            admission.Overloaded();
        }

        Assert.Equal(10, admission.Limit);
        await FillAsync(admission, 10);
        Assert.NotNull(await Soon(admission.EnterAsync(Patience, default)));
    }

    [Fact]
    public async Task The_limit_grows_by_one_with_a_round_of_prompt_answers_while_it_is_reached_and_lets_in_who_waits()
    {
        var admission = New(least: 1, most: 130, waiting: 10);
        var before = admission.Limit;
        for (var i = 0; i < 10 * before; i++)
        {
            admission.Answered(Prompt / 2, Prompt);
        }

        Assert.Equal(before, admission.Limit);
        await FillAsync(admission, before);
        var waiting = admission.EnterAsync(Patience, default).AsTask();
        for (var i = 0; i < before + 1; i++)
        {
            admission.Answered(Prompt / 2, Prompt);
        }

        Assert.Equal(before + 1, admission.Limit);
        Assert.Null(await Soon(waiting));
        for (var i = 0; i < 10 * before; i++)
        {
            admission.Answered(Prompt / 2, Prompt);
        }

        Assert.Equal(130, admission.Limit);
    }

    [Fact]
    public async Task Reads_and_writes_beyond_are_refused_as_overloaded_without_being_sent()
    {
        var world = new FakeDatacenters { Read = static (_, _) => Never<ReadResult>() };
        using var router = new ShardRouter(
            world, new() { MinConcurrentRequestsPerShard = 1, MaxConcurrentRequestsPerShard = 1, MaxWaitingRequestsPerShard = 0 }, time, static () => 0.5, NullLogger<ShardRouter>.Instance);
        var shard = new ShardId("orders", 3);
        _ = router.ReadAsync(shard, world.Places, "k"u8.ToArray(), Patience);
        var read = Assert.IsType<ReadRejected>(await Soon(router.ReadAsync(shard, world.Places, "k"u8.ToArray(), Patience)));
        var write = Assert.IsType<Rejected>(await Soon(router.WriteAsync(shard, world.Places, new Grains.DeleteOperation("k"u8.ToArray()), Patience)));
        Assert.Equal((RejectionReason.Overloaded, RejectionReason.Overloaded), (read.Reason, write.Reason));
        Assert.NotNull(read.RetryAfter);
        Assert.NotNull(write.RetryAfter);
        Assert.Equal((1, 0), (world.Reads.Count, world.Opens.Count));

        // Another shard is not concerned.
        Assert.IsType<Applied>(await router.WriteAsync(new("orders", 4), world.Places, new Grains.DeleteOperation("k"u8.ToArray()), Patience));
    }

    // What never comes should fail one test and not hold up all.
    private static Task<T> Soon<T>(Task<T> task) => task.WaitAsync(TimeSpan.FromSeconds(30));

    private static Task<T> Soon<T>(ValueTask<T> task) => Soon(task.AsTask());

    private ShardAdmission New(int least, int most, int waiting) =>
        new(new() { MinConcurrentRequestsPerShard = least, MaxConcurrentRequestsPerShard = most, MaxWaitingRequestsPerShard = waiting }, time);

    private static async Task FillAsync(ShardAdmission admission, int count)
    {
        for (var i = 0; i < count; i++)
        {
            Assert.Null(await Soon(admission.EnterAsync(Patience, default)));
        }
    }
}
