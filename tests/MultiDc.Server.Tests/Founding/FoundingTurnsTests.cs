using MultiDc.Server.Founding;
using MultiDc.Server.Replication;
using MultiDc.Server.Tests.Replication;

namespace MultiDc.Server.Tests.Founding;

public sealed class FoundingTurnsTests : IDisposable
{
    private readonly CountedMeter waiting = new("multidc.replica.foundings.waiting");
    private readonly ReplicaMetrics metrics;
    private readonly FoundingTurns turns;

    public FoundingTurnsTests()
    {
        metrics = new(waiting.Factory);
        turns = new(metrics);
    }

    public void Dispose()
    {
        turns.Dispose();
        metrics.Dispose();
        waiting.Dispose();
    }

    [Fact]
    public async Task So_many_have_one_at_once_and_the_others_in_their_order()
    {
        var all = Enumerable.Range(0, 3 * FoundingTurns.AtOnce).Select(_ => turns.TakeAsync(default).AsTask()).ToArray();
        for (var first = 0; first < all.Length; first++)
        {
            var turn = await all[first];
            Assert.All(all.Skip(first + FoundingTurns.AtOnce), static later => Assert.False(later.IsCompleted));
            Assert.InRange(waiting.Sum, Math.Max(0, all.Length - first - FoundingTurns.AtOnce), all.Length);

            // One that is given back twice was one.
            turn.Dispose();
            turn.Dispose();
        }

        Assert.Equal(0, waiting.Sum);
    }

    [Fact]
    public async Task Who_waits_no_longer_takes_none()
    {
        var taken = await Task.WhenAll(Enumerable.Range(0, FoundingTurns.AtOnce).Select(_ => turns.TakeAsync(default).AsTask()));
        using var leaving = new CancellationTokenSource();
        var (left, stays) = (turns.TakeAsync(leaving.Token).AsTask(), turns.TakeAsync(default).AsTask());
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        taken[0].Dispose();
        (await stays).Dispose();
        Assert.Equal(0, waiting.Sum);
    }
}
