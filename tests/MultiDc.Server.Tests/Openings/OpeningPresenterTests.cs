using MultiDc.Raft;
using MultiDc.Server.Openings;
using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Openings;

public sealed class OpeningPresenterTests
{
    private static readonly ReplicaId B = GroupMembers.IdOf(OpeningsWorld.B);

    [Fact]
    public async Task One_of_two_others_is_enough_and_the_other_is_asked_until_it_is_there()
    {
        using var world = new OpeningsWorld();
        world.Away.Add(OpeningsWorld.C);
        var (presenter, _) = await world.OpenAsync();
        await using (presenter)
        {
            presenter.Start();
            await presenter.Accepted;
            Assert.Equal(0, world.Answered[OpeningsWorld.C]);
            world.Away.Clear();
            await UntilAsync(world, () => world.Answered[OpeningsWorld.C] > 0);
            Assert.False(presenter.Refused.IsCompleted);
        }
    }

    [Fact]
    public async Task The_word_of_a_member_that_its_store_does_not_know_does_not_count()
    {
        using var world = new OpeningsWorld();
        world.Away.Add(OpeningsWorld.C);
        world.Members[OpeningsWorld.B] = GroupMembers.IdOf(OpeningsWorld.B, world.Disks[OpeningsWorld.B].Identity.StoreId).Value;
        var (presenter, _) = await world.OpenAsync();
        await using (presenter)
        {
            presenter.Start();
            await AskedAgainAsync(world, OpeningsWorld.B, 3);
            Assert.False(presenter.Accepted.IsCompleted);
            world.Away.Clear();
            await UntilAsync(world, presenter.Accepted);
        }
    }

    [Fact]
    public async Task The_word_of_a_founder_that_was_replaced_does_not_count()
    {
        using var world = new OpeningsWorld();
        world.Away.Add(OpeningsWorld.C);
        var (first, storage) = await world.OpenAsync();
        await OpeningsWorld.ReplaceAsync(storage, B, GroupMembers.IdOf(OpeningsWorld.B, Guid.NewGuid()));
        await first.DisposeAsync();
        var (presenter, _) = await world.OpenAsync();
        await using (presenter)
        {
            presenter.Start();
            await AskedAgainAsync(world, OpeningsWorld.B, 3);
            Assert.False(presenter.Accepted.IsCompleted);
        }
    }

    [Fact]
    public async Task Without_the_others_it_waits_and_says_so()
    {
        using var world = new OpeningsWorld();
        world.Away.UnionWith([OpeningsWorld.B, OpeningsWorld.C]);
        var (presenter, _) = await world.OpenAsync();
        await using (presenter)
        {
            presenter.Start();
            await AskedAgainAsync(world, OpeningsWorld.B, 3);
            Assert.False(presenter.Accepted.IsCompleted);
            Assert.Contains("0 of 2 other replicas", presenter.Detail);
            world.Away.Remove(OpeningsWorld.B);
            await UntilAsync(world, presenter.Accepted);
        }
    }

    [Fact]
    public async Task While_another_follows_a_leader_that_leader_is_waited_for()
    {
        using var world = new OpeningsWorld();
        world.Away.Add(OpeningsWorld.C);
        world.Following[OpeningsWorld.B] = OpeningsWorld.C;
        var (presenter, _) = await world.OpenAsync();
        await using (presenter)
        {
            presenter.Start();
            await AskedAgainAsync(world, OpeningsWorld.B, 3);
            Assert.False(presenter.Accepted.IsCompleted);

            // It has noticed that its leader is gone.
            world.Following.Clear();
            await UntilAsync(world, presenter.Accepted);
        }
    }

    [Fact]
    public async Task One_that_heard_more_refuses_it_even_after_it_began_to_take_part()
    {
        using var world = new OpeningsWorld();
        world.Away.Add(OpeningsWorld.C);
        world.Judge(OpeningsWorld.C).Hear(OpeningsWorld.A, new(3, 0, 0));
        var (presenter, _) = await world.OpenAsync();
        await using (presenter)
        {
            presenter.Start();
            await presenter.Accepted;
            world.Away.Clear();
            await UntilAsync(world, presenter.Refused);
            Assert.Contains("it had spoken in term 3", (await presenter.Refused).Detail);
            Assert.Equal((await presenter.Refused).Detail, await world.OwnVerdictAsync());
        }
    }

    [Fact]
    public async Task An_honest_restart_is_accepted_by_those_who_heard_all_it_said()
    {
        using var world = new OpeningsWorld();
        var (first, storage) = await world.OpenAsync();
        first.Start();
        await first.Accepted;
        await OpeningsWorld.WriteAsync(storage, 3, B, last: 5);
        world.Judge(OpeningsWorld.B).Hear(OpeningsWorld.A, new(3, B.Value, 5));
        await first.DisposeAsync();
        world.Disks[OpeningsWorld.A.Datacenter].Crash();

        var (second, _) = await world.OpenAsync();
        await using (second)
        {
            second.Start();
            await second.Accepted;
            Assert.False(second.Refused.IsCompleted);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_copy_put_back_is_refused_whether_or_not_its_original_was_opened_again_since(bool wasOpenedAgain)
    {
        using var world = new OpeningsWorld();
        var (first, storage) = await world.OpenAsync();
        first.Start();
        await first.Accepted;
        await OpeningsWorld.WriteAsync(storage, 3, B, last: 5);
        var copy = world.Disks[OpeningsWorld.A.Datacenter].Copy();
        if (wasOpenedAgain)
        {
            for (var i = 0; i < 2; i++)
            {
                var (again, _) = await world.OpenAsync();
                again.Start();
                await again.Accepted;
                await again.DisposeAsync();
            }
        }
        else
        {
            await OpeningsWorld.WriteAsync(storage, 3, B, first: 6, last: 9);
            world.Judge(OpeningsWorld.B).Hear(OpeningsWorld.A, new(3, 0, 9));
        }

        await first.DisposeAsync();
        world.Disks[OpeningsWorld.A.Datacenter] = copy;
        var (restored, _) = await world.OpenAsync();
        await using (restored)
        {
            restored.Start();
            await UntilAsync(world, restored.Refused);
            Assert.Contains(wasOpenedAgain ? "there has been an opening 3 of its store, this is 2" : "it had the log up to 3/9, its store has it up to 3/5", (await restored.Refused).Detail);
            Assert.NotNull(await world.OwnVerdictAsync());
        }
    }

    [Fact]
    public async Task A_forerunner_that_comes_late_is_fenced_and_its_store_is_not_blamed()
    {
        using var world = new OpeningsWorld();
        var (late, _) = await world.OpenAsync();
        var (current, _) = await world.OpenAsync();
        await using (late)
        await using (current)
        {
            current.Start();
            await current.Accepted;
            late.Start();
            await late.Refused;
            Assert.False(late.Accepted.IsCompleted);
            Assert.Null(await world.OwnVerdictAsync());
            var answered = world.Answered[OpeningsWorld.B];
            current.PresentTo(OpeningsWorld.B);
            await UntilAsync(world, () => world.Answered[OpeningsWorld.B] > answered);
            Assert.False(current.Refused.IsCompleted);
        }
    }

    private static Task AskedAgainAsync(OpeningsWorld world, DatacenterId datacenter, int times)
    {
        var until = world.Asked[datacenter] + times;
        return UntilAsync(world, () => world.Asked[datacenter] >= until);
    }

    private static Task UntilAsync(OpeningsWorld world, Task done) => UntilAsync(world, () => done.IsCompleted);

    private static async Task UntilAsync(OpeningsWorld world, Func<bool> isDone)
    {
        for (var i = 0; !isDone(); i++)
        {
            Assert.True(i < 1_000_000, "it does not come");
            world.Time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }
    }
}
