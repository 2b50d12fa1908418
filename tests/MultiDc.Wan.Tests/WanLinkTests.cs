using CsCheck;
using MultiDc.Wan.Links;

namespace MultiDc.Wan.Tests;

/// <summary>What one direction does to its packets: time and chance are the test's.</summary>
public sealed class WanLinkTests
{
    private const int PacketBytes = 100;
    private const long Ms = 1_000_000;

    [Fact]
    public void A_packet_arrives_after_the_delay_and_what_slows_the_link_comes_on_top()
    {
        var link = Link(new() { DelayMs = 12.5 });
        Assert.Equal(new PacketFate(1, 112_500_000), link.Send(PacketBytes, 100 * Ms));
        link.Change(new() { SlowMs = 100 });
        Assert.Equal(new PacketFate(1, 312_500_000), link.Send(PacketBytes, 200 * Ms));
        link.Heal();
        Assert.Equal(new PacketFate(1, 412_500_000), link.Send(PacketBytes, 400 * Ms));
    }

    [Fact]
    public void A_shorter_delay_lets_no_packet_overtake() =>
        Gen.Int[0, 50].Array[1, 200].Sample(delays =>
        {
            var link = Link(new());
            var last = 0L;
            for (var i = 0; i < delays.Length; i++)
            {
                link.Change(new() { DelayMs = delays[i] });
                var arrival = link.Send(PacketBytes, i * Ms).Arrival;
                Assert.True(arrival >= last && arrival >= (i + delays[i]) * Ms);
                last = arrival;
            }
        });

    [Fact]
    public void Jitter_moves_arrivals_within_its_bounds_and_keeps_the_order() =>
        Gen.Select(Gen.Int, Gen.Int[0, 20], Gen.Int[1, 30]).Sample((seed, delayMs, jitterMs) =>
        {
            var link = Link(new() { DelayMs = delayMs, JitterMs = jitterMs }, seed);
            var arrivals = Enumerable.Range(0, 200).Select(i => link.Send(PacketBytes, i * Ms).Arrival).ToArray();
            Assert.Equal(arrivals.Order(), arrivals);

            // A packet that waits for an earlier one comes with it, so the bounds are those of the latest so far.
            Assert.All(arrivals.Select((arrival, i) => arrival - i * Ms), lateness => Assert.InRange(lateness, Math.Max(0, delayMs - jitterMs) * Ms, (delayMs + jitterMs) * Ms));
            Assert.True(arrivals.Select((arrival, i) => arrival - i * Ms).Distinct().Count() > 50, "the delays differ");
        });

    [Fact]
    public void Only_reordering_lets_packets_overtake_and_those_held_back_hold_up_no_other()
    {
        var link = Link(new() { DelayMs = 10, Reorder = 0.1 });
        var lateness = Enumerable.Range(0, 10_000).Select(i => link.Send(PacketBytes, i * Ms).Arrival - i * Ms).ToArray();
        var heldBack = lateness.Count(static l => l > 10 * Ms);
        Assert.Equal(heldBack, link.Counters.ReorderedPackets);
        Assert.InRange(heldBack, 900, 1100);
        Assert.All(lateness, static l => Assert.InRange(l, 10 * Ms, 20 * Ms));
    }

    [Fact]
    public void Packets_without_a_delay_can_be_overtaken_too()
    {
        var link = Link(new() { Reorder = 0.5 });
        var arrivals = Enumerable.Range(0, 1000).Select(i => link.Send(PacketBytes, i * Ms / 10).Arrival).ToArray();
        Assert.NotEqual(arrivals.Order(), arrivals);
        Assert.All(arrivals.Select(static (arrival, i) => arrival - i * Ms / 10), static l => Assert.InRange(l, 0, Ms));
    }

    [Fact]
    public void The_asked_share_is_lost_or_doubled_and_counted()
    {
        var link = Link(new() { Loss = 0.05, Duplicate = 0.2 }, maxQueuedPackets: 100_000);
        var copies = Enumerable.Range(0, 20_000).Select(i => link.Send(PacketBytes, i).Copies).ToArray();
        var (lost, doubled) = (copies.Count(static c => c == 0), copies.Count(static c => c == 2));
        Assert.InRange(lost, 850, 1150);
        Assert.InRange(doubled, 3600, 4000);
        Assert.Equal((20_000, 20_000L * PacketBytes, lost, doubled), (link.Counters.SentPackets, link.Counters.SentBytes, link.Counters.LostPackets, link.Counters.DuplicatedPackets));
        Assert.Equal(copies.Sum(), link.QueuedPackets);
    }

    [Fact]
    public void A_cut_stops_what_enters_and_what_is_under_way()
    {
        var link = Link(new() { DelayMs = 10 });
        link.Send(PacketBytes, 0);
        link.Change(new() { Cut = true });
        Assert.False(link.Arrive(PacketBytes));
        Assert.Equal(0, link.Send(PacketBytes, 20 * Ms).Copies);
        Assert.Equal((2, 0, 0), (link.Counters.CutPackets, link.Counters.DeliveredPackets, link.QueuedPackets));

        link.Heal();
        Assert.Equal(1, link.Send(PacketBytes, 30 * Ms).Copies);
        Assert.True(link.Arrive(PacketBytes));
        Assert.Equal((1, PacketBytes), (link.Counters.DeliveredPackets, link.Counters.DeliveredBytes));
    }

    [Fact]
    public void No_more_than_the_bound_are_under_way_and_the_others_are_counted()
    {
        var link = Link(new() { DelayMs = 10, Duplicate = 1 }, maxQueuedPackets: 3);
        Assert.Equal([2, 1, 0], new[] { 0, 1, 2 }.Select(i => link.Send(PacketBytes, i).Copies));
        Assert.Equal((3, 3), (link.QueuedPackets, link.Counters.RefusedPackets));
        Assert.True(link.Arrive(PacketBytes));
        Assert.Equal(1, link.Send(PacketBytes, 4).Copies);
    }

    [Fact]
    public void The_same_seed_gives_the_same_fates_and_a_rule_that_is_off_draws_no_number()
    {
        var rules = new LinkRules { DelayMs = 5, JitterMs = 3, Loss = 0.1, Duplicate = 0.1, Reorder = 0.1 };
        Assert.Equal(Fates(rules, seed: 7), Fates(rules, seed: 7));
        Assert.NotEqual(Fates(rules, seed: 7), Fates(rules, seed: 8));

        var losses = Fates(new() { Loss = 0.1 }, seed: 7).Select(static f => f.Copies);
        Assert.Equal(losses, Fates(new() { Loss = 0.1, DelayMs = 20 }, seed: 7).Select(static f => f.Copies));

        static PacketFate[] Fates(LinkRules rules, int seed)
        {
            var link = Link(rules, seed);
            return [.. Enumerable.Range(0, 500).Select(i => link.Send(PacketBytes, i * Ms))];
        }
    }

    [Theory]
    [InlineData(-1, 0, 0)]
    [InlineData(double.NaN, 0, 0)]
    [InlineData(60_001, 0, 0)]
    [InlineData(0, 1.1, 0)]
    [InlineData(0, 0, -0.1)]
    public void Rules_that_cannot_work_are_told(double delayMs, double loss, double reorder) =>
        Assert.Single(new LinkRules { DelayMs = delayMs, Loss = loss, Reorder = reorder }.Problems());

    private static WanLink Link(LinkRules rules, int seed = 1, int maxQueuedPackets = 20_000) => new("a", "b", rules, maxQueuedPackets, new Random(seed));
}
