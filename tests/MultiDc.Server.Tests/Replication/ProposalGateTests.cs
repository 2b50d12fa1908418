using Microsoft.Extensions.Time.Testing;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Writes wait behind others only where that pays, and never for ever.</summary>
public sealed class ProposalGateTests : IDisposable
{
    private const int Many = ProposalGate.MinUncommitted;
    private static readonly TimeSpan MaxHold = TimeSpan.FromMilliseconds(4);

    private readonly FakeTimeProvider time = new();
    private readonly ReplicaMetrics metrics = new(null);
    private readonly ProposalGate gate;

    public ProposalGateTests() => gate = new(MaxHold, time, metrics);

    public void Dispose()
    {
        gate.Dispose();
        metrics.Dispose();
    }

    [Fact]
    public void Few_writes_hold_nobody_up()
    {
        var share = gate.Join(NotWoken);
        share.Report(Many - 1);
        gate.Close();
        Assert.True(share.TryPass());
    }

    [Fact]
    public void Until_they_are_written_many_writes_hold_nobody_up()
    {
        var share = gate.Join(NotWoken);
        share.Report(Many);
        Assert.True(share.TryPass());
    }

    [Fact]
    public void Behind_many_writes_of_all_shards_together_later_ones_wait_until_those_are_committed()
    {
        var woken = new List<string>();
        var (first, second, third) = (gate.Join(() => woken.Add("first")), gate.Join(() => woken.Add("second")), gate.Join(() => woken.Add("third")));
        first.Report(Many / 2);
        second.Report(Many / 2);
        gate.Close();
        Assert.False(second.TryPass());
        Assert.False(third.TryPass());
        Assert.False(third.TryPass());
        Assert.Empty(woken);

        first.Report(0);
        Assert.Equal(["second", "third"], woken);
        Assert.True(third.TryPass());
    }

    [Fact]
    public void Nobody_waits_for_longer_than_the_longest_hold()
    {
        var woken = 0;
        var share = gate.Join(() => woken++);
        share.Report(Many);
        gate.Close();
        Assert.False(share.TryPass());
        time.Advance(MaxHold - TimeSpan.FromTicks(1));
        Assert.Equal(0, woken);
        time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(1, woken);
        Assert.True(share.TryPass());
    }

    [Fact]
    public void A_hold_that_began_later_has_its_full_time()
    {
        var woken = 0;
        var share = gate.Join(() => woken++);
        share.Report(Many);
        gate.Close();
        time.Advance(MaxHold / 2);
        share.Report(0);
        share.Report(Many);
        gate.Close();
        Assert.False(share.TryPass());

        // The timer was set for the first of the two.
        time.Advance(MaxHold / 2);
        Assert.False(share.TryPass());
        Assert.Equal(0, woken);
        time.Advance(MaxHold / 2);
        Assert.Equal(1, woken);
    }

    [Fact]
    public void Where_a_majority_takes_too_long_nobody_waits_but_for_a_probe_now_and_then()
    {
        var share = gate.Join(NotWoken);
        share.Report(Many);
        gate.Close();
        time.Advance(MaxHold);
        Assert.True(share.TryPass());

        for (var waited = MaxHold; waited < ProposalGate.ProbePeriod; waited += TimeSpan.FromMilliseconds(100))
        {
            gate.Close();
            Assert.True(gate.IsOpen, $"closed after {waited}");
            time.Advance(TimeSpan.FromMilliseconds(100));
        }

        gate.Close();
        Assert.False(gate.IsOpen);

        // It has become quick.
        share.Report(0);
        share.Report(Many);
        gate.Close();
        Assert.False(gate.IsOpen);
    }

    [Fact]
    public void One_slow_answer_among_quick_ones_changes_nothing()
    {
        var share = gate.Join(NotWoken);
        for (var i = 0; i < 3; i++)
        {
            share.Report(Many);
            gate.Close();
            Assert.False(gate.IsOpen, $"round {i}");
            time.Advance(i == 1 ? MaxHold : MaxHold / 4);
            share.Report(0);
        }
    }

    [Fact]
    public void That_a_majority_was_quick_is_forgotten()
    {
        var share = gate.Join(NotWoken);
        share.Report(Many);
        gate.Close();
        share.Report(0);
        time.Advance(3 * ProposalGate.Memory);
        share.Report(Many);
        gate.Close();
        time.Advance(MaxHold);
        Assert.True(gate.IsOpen);
        gate.Close();
        Assert.True(gate.IsOpen);
    }

    [Fact]
    public void A_replica_that_reports_nothing_more_holds_nobody_up()
    {
        var woken = 0;
        var (leader, other) = (gate.Join(NotWoken), gate.Join(() => woken++));
        leader.Report(Many);
        gate.Close();
        Assert.False(other.TryPass());
        leader.Report(0);
        Assert.Equal(1, woken);
    }

    [Fact]
    public void Without_a_hold_nobody_waits()
    {
        using var none = new ProposalGate(TimeSpan.Zero, time, metrics);
        var share = none.Join(NotWoken);
        share.Report(10 * Many);
        none.Close();
        Assert.True(share.TryPass());
    }

    [Fact]
    public async Task Whoever_was_refused_is_woken_whatever_the_others_do_meanwhile()
    {
        const int Rounds = 20_000;
        using var real = new ProposalGate(TimeSpan.FromSeconds(50), TimeProvider.System, metrics);
        var stop = false;
        var writer = real.Join(NotWoken);
        var writing = Task.Run(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                writer.Report(Many);
                real.Close();
                writer.Report(0);
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            var woken = new SemaphoreSlim(0);
            var share = real.Join(() => woken.Release());
            for (var i = 0; i < Rounds; i++)
            {
                if (!share.TryPass())
                {
                    Assert.True(await woken.WaitAsync(TimeSpan.FromSeconds(30)), "nobody woke it");
                }
            }
        })));
        Volatile.Write(ref stop, true);
        await writing;
    }

    private static void NotWoken()
    {
    }
}
