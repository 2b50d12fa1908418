using MultiDc.Server.Openings;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Openings;

public sealed class OpeningJudgeTests
{
    private static readonly Guid Home = Guid.NewGuid();

    [Fact]
    public async Task Only_the_opening_that_was_accepted_last_is_listened_to_also_after_a_crash()
    {
        using var world = new OpeningsWorld();
        var (first, second) = (Presented(1), Presented(2));
        Assert.False(ListensTo(world, first));
        Assert.Equal(PresentationVerdict.Accepted, await JudgeAsync(world, first));
        Assert.True(ListensTo(world, first));
        Assert.Equal(PresentationVerdict.Accepted, await JudgeAsync(world, second));
        Assert.False(ListensTo(world, first));

        world.Disks[OpeningsWorld.B].Crash();
        world.Restart(OpeningsWorld.B);
        await world.Judge(OpeningsWorld.B).LoadAsync(OpeningsWorld.A);
        Assert.True(ListensTo(world, second));
        Assert.Equal(PresentationVerdict.Superseded, await JudgeAsync(world, first));
        Assert.Equal(PresentationVerdict.Accepted, await JudgeAsync(world, second));
        Assert.Equal(PresentationVerdict.RolledBack, await JudgeAsync(world, Presented(2)));
    }

    [Fact]
    public async Task Who_forgot_is_refused_for_good_whatever_it_presents_and_whoever_has_restarted()
    {
        using var world = new OpeningsWorld();
        var first = Presented(1);
        await JudgeAsync(world, first);
        world.Judge(OpeningsWorld.B).Hear(OpeningsWorld.A, new(5, 0, 0));
        var rolledBack = Presented(2, term: 4);
        Assert.Equal(PresentationVerdict.RolledBack, await JudgeAsync(world, rolledBack));
        Assert.False(ListensTo(world, first));
        Assert.False(ListensTo(world, rolledBack));

        world.Disks[OpeningsWorld.B].Crash();
        world.Restart(OpeningsWorld.B);
        await world.Judge(OpeningsWorld.B).LoadAsync(OpeningsWorld.A);
        Assert.False(ListensTo(world, first));
        var (verdict, why) = await world.Judge(OpeningsWorld.B).JudgeAsync(OpeningsWorld.A, Presented(9, term: 99));
        Assert.Equal(PresentationVerdict.RolledBack, verdict);
        Assert.Contains($"store {Home} of replica kv/0@a was rolled back: it had spoken in term 5", why);
    }

    [Fact]
    public async Task What_was_heard_outlives_a_restart_in_good_order()
    {
        using var world = new OpeningsWorld();
        await JudgeAsync(world, Presented(1));
        world.Judge(OpeningsWorld.B).Hear(OpeningsWorld.A, new(5, 0, 7));
        world.Judge(OpeningsWorld.B).Hear(OpeningsWorld.A, new(5, 0, 6));
        await world.Judge(OpeningsWorld.B).SaveAsync(OpeningsWorld.A);
        world.Restart(OpeningsWorld.B);
        Assert.Equal(PresentationVerdict.RolledBack, await JudgeAsync(world, Presented(2, term: 5, last: 6)));
    }

    [Fact]
    public async Task What_another_silo_over_the_same_store_accepted_is_listened_to_and_not_written_over()
    {
        using var world = new OpeningsWorld();
        await JudgeAsync(world, Presented(1));
        var one = world.Judge(OpeningsWorld.B);
        one.Hear(OpeningsWorld.A, new(5, 0, 7));
        world.Restart(OpeningsWorld.B);
        var second = Presented(2, term: 5, last: 9);
        Assert.Equal(PresentationVerdict.Accepted, await JudgeAsync(world, second));

        Assert.False(one.ListensTo(OpeningsWorld.A, Home, 2, second.OpeningId));
        Assert.False(await one.ListensToAsync(OpeningsWorld.A, Home, 3, Guid.NewGuid()));
        Assert.True(one.ListensTo(OpeningsWorld.A, Home, 2, second.OpeningId));

        var third = Presented(3, term: 5, last: 9);
        Assert.Equal(PresentationVerdict.Accepted, await JudgeAsync(world, third));
        Assert.False(await one.ListensToAsync(OpeningsWorld.A, Home, 3, third.OpeningId), "it has just looked");
        await one.SaveAsync(OpeningsWorld.A);
        world.Restart(OpeningsWorld.B);
        Assert.Equal(PresentationVerdict.Superseded, await JudgeAsync(world, second));
        Assert.Equal(PresentationVerdict.RolledBack, await JudgeAsync(world, Presented(4, term: 5, last: 6)));
    }

    [Fact]
    public async Task What_was_heard_before_a_replica_presents_itself_again_counts_for_the_new_opening()
    {
        using var world = new OpeningsWorld();
        await JudgeAsync(world, Presented(1));
        world.Judge(OpeningsWorld.B).Hear(OpeningsWorld.A, new(5, 0, 7));
        Assert.Equal(PresentationVerdict.Accepted, await JudgeAsync(world, Presented(2, term: 5, last: 7)));
        Assert.Equal(PresentationVerdict.RolledBack, await JudgeAsync(world, Presented(3, term: 5, last: 6)));
    }

    [Fact]
    public async Task Another_store_than_the_home_is_told_so_and_changes_nothing()
    {
        using var world = new OpeningsWorld();
        var first = Presented(1);
        await JudgeAsync(world, first);
        var (verdict, why) = await world.Judge(OpeningsWorld.B).JudgeAsync(OpeningsWorld.A, Presented(8) with { StoreId = Guid.NewGuid() });
        Assert.Equal(PresentationVerdict.NotTheHome, verdict);
        Assert.Contains(Home.ToString(), why);
        Assert.True(ListensTo(world, first));
    }

    [Fact]
    public async Task What_cannot_be_remembered_is_not_accepted()
    {
        using var world = new OpeningsWorld();
        await JudgeAsync(world, Presented(1));
        var second = Presented(2);
        world.Disks[OpeningsWorld.B].IsFull = true;
        await Assert.ThrowsAsync<StoreFullException>(() => JudgeAsync(world, second));
        Assert.False(ListensTo(world, second));
        world.Disks[OpeningsWorld.B].IsFull = false;
        Assert.Equal(PresentationVerdict.Accepted, await JudgeAsync(world, second));
    }

    [Fact]
    public async Task Presentations_that_arrive_together_are_judged_one_after_the_other()
    {
        for (var seed = 1; seed <= 50; seed++)
        {
            using var world = new OpeningsWorld();
            Presentation[] all = [Presented(1), Presented(2), Presented(3)];
            Presentation[] arriving = [.. all, .. all];
            new Random(seed).Shuffle(arriving);
            await JudgeAsync(world, all[0]);
            var hold = world.Disks[OpeningsWorld.B].HoldFlushes();
            var judged = arriving.Select(p => JudgeInTurnAsync(world, p)).ToArray();
            Assert.Equal(1, world.Disks[OpeningsWorld.B].PendingCount);
            hold.Dispose();
            var verdicts = await Task.WhenAll(judged);
            Assert.DoesNotContain(PresentationVerdict.RolledBack, verdicts);
            Assert.True(ListensTo(world, all[2]));
            world.Disks[OpeningsWorld.B].Crash();
            world.Restart(OpeningsWorld.B);
            await world.Judge(OpeningsWorld.B).LoadAsync(OpeningsWorld.A);
            Assert.True(ListensTo(world, all[2]));
        }
    }

    private static Presentation Presented(ulong epoch, ulong term = 1, ulong last = 0) => new(Home, epoch, Guid.NewGuid(), term, 0, term, last);

    private static bool ListensTo(OpeningsWorld world, Presentation presented) =>
        world.Judge(OpeningsWorld.B).ListensTo(OpeningsWorld.A, presented.StoreId, presented.Epoch, presented.OpeningId);

    private static async Task<PresentationVerdict> JudgeInTurnAsync(OpeningsWorld world, Presentation presented)
    {
        while (true)
        {
            try
            {
                return await JudgeAsync(world, presented);
            }
            catch (InvalidOperationException)
            {
                await Task.Yield();
            }
        }
    }

    private static async Task<PresentationVerdict> JudgeAsync(OpeningsWorld world, Presentation presented) =>
        (await world.Judge(OpeningsWorld.B).JudgeAsync(OpeningsWorld.A, presented)).Verdict;
}
