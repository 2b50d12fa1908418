using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Grains;
using MultiDc.Routing.Shards;
using static MultiDc.Client.Tests.FakeDatacenters;

namespace MultiDc.Client.Tests.Shards;

public sealed class ShardRouterWriteTests : IDisposable
{
    private static readonly ShardId Shard = new("orders", 3);
    private readonly FakeDatacenters world = new();
    private readonly FakeTimeProvider time = new();
    private readonly ShardRouterOptions options = new() { MaxConcurrentWritesPerShard = 2 };
    private readonly ShardRouter router;

    public ShardRouterWriteTests() => router = new(world, options, time, static () => 0.5, NullLogger<ShardRouter>.Instance);

    public void Dispose() => router.Dispose();

    [Fact]
    public async Task A_lane_is_used_again_with_the_next_number()
    {
        for (var i = 0; i < 5; i++)
        {
            Assert.IsType<Applied>((await WriteAsync()).Result);
        }

        Assert.Single(world.Opens);
        Assert.Equal([1UL, 2, 3, 4, 5], world.Writes.Select(static w => w.Request.Sequence.Value));
        Assert.Single(world.Writes.Select(static w => w.Request.Session).Distinct());
    }

    [Fact]
    public async Task A_retry_carries_the_same_session_and_number()
    {
        world.Write = (at, request) => world.Writes.Count < 4
            ? Task.FromException<WriteResult>(new TimeoutException())
            : Task.FromResult<WriteResult>(new Applied(new(9)));
        Assert.IsType<Applied>((await WriteAsync()).Result);
        Assert.Equal(4, world.Writes.Count);
        Assert.Single(world.Writes.Select(static w => (w.Request.Session, w.Request.Sequence)).Distinct());
        Assert.Equal(3, world.Writes.Select(static w => w.At).Distinct().Count());
    }

    [Fact]
    public async Task After_an_unknown_outcome_the_lane_goes_on_with_the_next_number()
    {
        world.Write = static (_, _) => Never<WriteResult>();
        Assert.IsType<Unknown>((await WriteAsync(seconds: 3)).Result);
        var last = world.Writes[^1].Request;
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(9)));
        Assert.IsType<Applied>((await WriteAsync()).Result);
        Assert.Equal((last.Session, last.Sequence.Value + 1), (world.Writes[^1].Request.Session, world.Writes[^1].Request.Sequence.Value));
    }

    [Fact]
    public async Task A_redirect_is_followed_and_remembered()
    {
        world.Write = static (at, _) => Task.FromResult<WriteResult>(at == C ? new Applied(new(9)) : new Rejected(RejectionReason.NotLeader, "", C));
        Assert.IsType<Applied>((await WriteAsync()).Result);
        Assert.Equal([A, C], world.Writes.Select(static w => w.At));
        Assert.IsType<Applied>((await WriteAsync()).Result);
        Assert.Equal([A, C, C], world.Writes.Select(static w => w.At));
    }

    [Fact]
    public async Task An_answer_whose_connection_was_closed_is_not_waited_for()
    {
        using var lost = new CancellationTokenSource();
        world.Lost[A] = lost.Token;
        world.Write = static (at, _) => at == A ? Never<WriteResult>() : Task.FromResult<WriteResult>(new Applied(new(9)));
        var writing = Start(5);
        Assert.Equal([A], world.Writes.Select(static w => w.At));

        // Without a tick of the clock. It may have been done, so the same session and number are used again.
        await lost.CancelAsync();
        Assert.IsType<Applied>(await writing.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Single(world.Writes.Select(static w => (w.Request.Session, w.Request.Sequence)).Distinct());
    }

    [Fact]
    public async Task The_deadline_is_kept_whoever_does_not_answer()
    {
        world.Write = static (_, _) => Never<WriteResult>();
        var (result, took) = await WriteAsync(seconds: 5);
        Assert.IsType<Unknown>(result);
        Assert.InRange(took, TimeSpan.FromSeconds(4.5), TimeSpan.FromSeconds(5.5));
        Assert.All(world.Writes, static w => Assert.InRange(w.Request.Timeout, TimeSpan.Zero, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public async Task When_nobody_leads_the_write_is_rejected_as_unavailable_at_the_deadline()
    {
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Rejected(RejectionReason.NotLeader, "this replica does not lead"));
        var (result, took) = await WriteAsync(seconds: 2);
        Assert.Equal(RejectionReason.Unavailable, Assert.IsType<Rejected>(result).Reason);
        Assert.InRange(took, TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(2.1));
        Assert.InRange(world.Writes.Count, 10, 80);
    }

    [Fact]
    public async Task A_datacenter_that_was_never_connected_is_skipped_and_nothing_was_sent_to_it()
    {
        world.NotConnected.Add(A);
        var (result, took) = await WriteAsync();
        Assert.IsType<Applied>(result);
        Assert.Equal([B], world.Writes.Select(static w => w.At));
        Assert.True(took < TimeSpan.FromSeconds(1));
        world.NotConnected.UnionWith([B, C]);
        Assert.IsType<Rejected>((await WriteAsync(seconds: 2)).Result);
    }

    [Fact]
    public async Task A_dead_datacenter_costs_one_attempt_and_is_then_avoided()
    {
        world.Open = at => at == A ? Never<OpenSessionReply>() : Task.FromResult<OpenSessionReply>(new(new(7), new Applied(new(7))));
        world.Write = static (at, _) => at == A ? Never<WriteResult>() : Task.FromResult<WriteResult>(new Applied(new(9)));
        var (result, took) = await WriteAsync();
        Assert.IsType<Applied>(result);
        Assert.InRange(took, TimeSpan.FromSeconds(0.8), TimeSpan.FromSeconds(1.2));
        Assert.Equal([A], world.Unanswered);
        Assert.Equal(TimeSpan.Zero, (await WriteAsync()).Took);
        Assert.DoesNotContain(A, world.Writes.Select(static w => w.At));
    }

    [Fact]
    public async Task An_expired_session_is_opened_anew_when_nothing_can_have_happened()
    {
        world.Write = (_, request) => Task.FromResult<WriteResult>(
            request.Session.Value == 1 ? new Rejected(RejectionReason.SessionExpired, "") : new Applied(new(9)));
        Assert.IsType<Applied>((await WriteAsync()).Result);
        Assert.Equal(2, world.Opens.Count);
        Assert.Equal([(1UL, 1UL), (2UL, 1UL)], world.Writes.Select(static w => (w.Request.Session.Value, w.Request.Sequence.Value)));
    }

    [Fact]
    public async Task Sessions_that_expire_again_and_again_are_not_opened_in_haste()
    {
        world.Write = (_, _) => Task.FromResult<WriteResult>(world.Writes.Count < 500 ? new Rejected(RejectionReason.SessionExpired, "") : new Applied(new(9)));
        var (result, took) = await WriteAsync(seconds: 2);
        Assert.Equal(RejectionReason.SessionExpired, Assert.IsType<Rejected>(result).Reason);
        Assert.InRange(took, TimeSpan.FromSeconds(1.5), TimeSpan.FromSeconds(2.1));
        Assert.InRange(world.Writes.Count, 5, 40);
    }

    [Fact]
    public async Task An_expired_session_after_a_lost_answer_is_unknown_and_not_written_again()
    {
        world.Write = (_, _) => world.Writes.Count == 1
            ? Task.FromException<WriteResult>(new TimeoutException())
            : Task.FromResult<WriteResult>(new Rejected(RejectionReason.SessionExpired, ""));
        Assert.IsType<Unknown>((await WriteAsync()).Result);
        Assert.Equal(2, world.Writes.Count);
        Assert.Single(world.Opens);

        // The next write begins in a new session.
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(9)));
        Assert.IsType<Applied>((await WriteAsync()).Result);
        Assert.Equal(2, world.Opens.Count);
    }

    [Fact]
    public async Task A_failed_comparison_is_told_as_such_also_after_a_lost_answer()
    {
        world.Write = (_, _) => world.Writes.Count == 1
            ? Task.FromException<WriteResult>(new TimeoutException())
            : Task.FromResult<WriteResult>(new Rejected(RejectionReason.PreconditionFailed, ""));
        Assert.Equal(RejectionReason.PreconditionFailed, Assert.IsType<Rejected>((await WriteAsync()).Result).Reason);
    }

    [Fact]
    public async Task Whatever_the_last_attempt_says_after_a_lost_answer_the_write_is_unknown()
    {
        foreach (var reason in new[] { RejectionReason.NotLeader, RejectionReason.NotReady, RejectionReason.Overloaded, RejectionReason.WrongShard, RejectionReason.InvalidArgument })
        {
            var before = world.Writes.Count;
            world.Write = (_, _) => world.Writes.Count == before + 1
                ? Task.FromException<WriteResult>(new TimeoutException())
                : Task.FromResult<WriteResult>(new Rejected(reason, ""));
            Assert.IsType<Unknown>((await WriteAsync(seconds: 2)).Result);
        }
    }

    [Fact]
    public async Task An_overloaded_replica_is_asked_again_after_a_pause_and_not_another()
    {
        world.Write = (_, _) => Task.FromResult<WriteResult>(world.Writes.Count < 4 ? new Rejected(RejectionReason.Overloaded, "") : new Applied(new(9)));
        var (result, took) = await WriteAsync();
        Assert.IsType<Applied>(result);
        Assert.Equal([A, A, A, A], world.Writes.Select(static w => w.At));
        Assert.InRange(took, TimeSpan.FromMilliseconds(70), TimeSpan.FromMilliseconds(120));
    }

    [Fact]
    public async Task Without_a_session_the_write_was_not_sent_and_is_rejected()
    {
        world.Open = static _ => Never<OpenSessionReply>();
        Assert.Equal(RejectionReason.Unavailable, Assert.IsType<Rejected>((await WriteAsync(seconds: 3)).Result).Reason);
        Assert.Empty(world.Writes);
    }

    [Fact]
    public async Task Writes_beyond_the_lanes_wait_until_their_deadline_and_are_refused_or_take_the_first_free_lane()
    {
        var answers = new List<TaskCompletionSource<WriteResult>>();
        world.Write = (_, _) =>
        {
            answers.Add(new());
            return answers[^1].Task;
        };
        var one = Start(5);
        var two = Start(5);
        var refused = Start(0.5);
        var waiting = Start(5);
        Assert.Equal(RejectionReason.Overloaded, Assert.IsType<Rejected>((await time.DriveAsync(refused, TimeSpan.FromSeconds(0.7))).Result).Reason);
        Assert.Equal((2, 2), (world.Opens.Count, world.Writes.Count));
        Assert.Equal(2, world.Writes.Select(static w => w.Request.Session).Distinct().Count());

        answers[0].SetResult(new Applied(new(1)));
        await one;
        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(2)));
        Assert.IsType<Applied>((await time.DriveAsync(waiting)).Result);
        Assert.Equal(2, world.Opens.Count);
        answers[1].SetResult(new Applied(new(1)));
        await two;
    }

    [Fact]
    public async Task Cancelling_frees_the_lane()
    {
        world.Write = static (_, _) => Never<WriteResult>();
        for (var i = 0; i < 4; i++)
        {
            using var once = new CancellationTokenSource();
            var write = router.WriteAsync(Shard, world.Places, Put, TimeSpan.FromSeconds(5), once.Token);
            await once.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write);
        }

        world.Write = static (_, _) => Task.FromResult<WriteResult>(new Applied(new(9)));
        Assert.IsType<Applied>((await WriteAsync()).Result);
    }

    private static readonly PutOperation Put = new("k"u8.ToArray(), "v"u8.ToArray());

    private Task<WriteResult> Start(double seconds) => router.WriteAsync(Shard, world.Places, Put, TimeSpan.FromSeconds(seconds));

    private Task<(WriteResult Result, TimeSpan Took)> WriteAsync(double seconds = 10) => time.DriveAsync(Start(seconds));
}
