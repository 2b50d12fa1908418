namespace MultiDc.Simulation;

/// <summary>What can happen to links.</summary>
internal sealed partial class FaultInjector
{
    private Fault? OneWayCut() => TwoReplicas() is var (from, to) ? Cut($"{from} -> {to}", [(from.Number, to.Number)]) : null;

    private Fault? LinkCut() => TwoReplicas() is var (one, other) ? Cut($"{one} <-> {other}", BothWays([one.Number], [other.Number])) : null;

    private Fault? ReplicaCutOff()
    {
        var replica = AnyReplica();
        return Cut($"{replica} hears and is heard by nobody", BothWays([replica.Number], [.. world.Endpoints.Where(e => e != replica.Number)]));
    }

    private Fault? DatacenterCut(bool leaving, bool reaching)
    {
        var datacenter = random.Next(world.Plan.Shape.DatacenterCount);
        int[] inside = [.. world.Endpoints.Where(e => world.DatacenterOf(e) == datacenter)];
        int[] outside = [.. world.Endpoints.Where(e => world.DatacenterOf(e) != datacenter)];
        if (outside.Length == 0)
        {
            return null;
        }

        var links = (leaving, reaching) switch
        {
            (true, true) => BothWays(inside, outside),
            (true, false) => OneWay(inside, outside),
            _ => OneWay(outside, inside),
        };
        return Cut($"datacenter {datacenter + 1}: {(leaving ? "nothing leaves" : "")}{(leaving && reaching ? ", " : "")}{(reaching ? "nothing arrives" : "")}", links);
    }

    private Fault? Bridge()
    {
        if (Replicas.Count < 3)
        {
            return null;
        }

        var order = Shuffled();
        var half = 1 + ((order.Length - 1) / 2);
        return Cut(
            $"({string.Join(' ', order.Skip(1).Take(half - 1))}) and ({string.Join(' ', order.Skip(half))}) hear only {order[0]} in common",
            BothWays(Numbers(order.Skip(1).Take(half - 1)), Numbers(order.Skip(half))));
    }

    private Fault? Ring()
    {
        if (Replicas.Count < 4)
        {
            return null;
        }

        var order = Shuffled();
        var links = new List<(int, int)>();
        for (var i = 0; i < order.Length; i++)
        {
            for (var j = 0; j < order.Length; j++)
            {
                var distance = Math.Abs(i - j);
                if (distance > 1 && distance < order.Length - 1)
                {
                    links.Add((order[i].Number, order[j].Number));
                }
            }
        }

        return Cut($"each hears only its neighbours in the ring {string.Join(' ', order.AsEnumerable())}", links);
    }

    private Fault? Flapping()
    {
        if (TwoReplicas() is not var (one, other))
        {
            return null;
        }

        var links = BothWays([one.Number], [other.Number]);
        var period = random.BetweenMilliseconds(100, 2_000);
        var (isDown, isOver) = (false, false);
        Toggle();
        return new($"{one} <-> {other} comes and goes each {period.TotalMilliseconds:0} ms", () =>
        {
            isOver = true;
            Set(false);
        });

        void Toggle()
        {
            if (!isOver)
            {
                Set(!isDown);
                world.Events.After(period, Toggle);
            }
        }

        void Set(bool down)
        {
            if (down != isDown)
            {
                isDown = down;
                links.ForEach(down ? link => world.Network[link.From, link.To].Cut() : link => world.Network[link.From, link.To].Mend());
            }
        }
    }

    private Fault? LossyLink()
    {
        if (TwoReplicas() is not var (from, to))
        {
            return null;
        }

        var (link, loss) = (world.Network[from.Number, to.Number], random.PickOf(0.05, 0.2, 0.5, 0.9));
        link.AddedLoss += loss;
        return new($"{from} -> {to} loses {loss:0%}", () => link.AddedLoss -= loss);
    }

    private Fault? SlowLink()
    {
        if (TwoReplicas() is not var (from, to))
        {
            return null;
        }

        var (link, delay) = (world.Network[from.Number, to.Number], random.Between(TimeSpan.FromMilliseconds(100), 2 * world.Plan.ElectionTimeout));
        link.AddedDelay += delay;
        return new($"{from} -> {to} takes {delay.TotalMilliseconds:0} ms longer", () => link.AddedDelay -= delay);
    }

    private Fault? DoublingStorm()
    {
        var (doubled, reordered) = (random.PickOf(0.1, 0.5, 1), random.PickOf(0.1, 0.5, 1));
        Add(doubled, reordered);
        return new($"{doubled:0%} of all arrives twice, {reordered:0%} in any order", () => Add(-doubled, -reordered));

        void Add(double duplication, double reordering)
        {
            foreach (var (from, to) in OneWay(world.Endpoints, world.Endpoints))
            {
                world.Network[from, to].AddedDuplication += duplication;
                world.Network[from, to].AddedReordering += reordering;
            }
        }
    }

    private Fault Cut(string what, List<(int From, int To)> links)
    {
        links.ForEach(link => world.Network[link.From, link.To].Cut());
        return new($"cut: {what}", () => links.ForEach(link => world.Network[link.From, link.To].Mend()));
    }

    private static List<(int From, int To)> OneWay(IReadOnlyList<int> from, IReadOnlyList<int> to) =>
        [.. from.SelectMany(f => to.Where(t => t != f).Select(t => (f, t)))];

    private static List<(int From, int To)> BothWays(IReadOnlyList<int> one, IReadOnlyList<int> other) => [.. OneWay(one, other), .. OneWay(other, one)];

    private (SimulatedReplica From, SimulatedReplica To)? TwoReplicas()
    {
        if (Replicas.Count < 2)
        {
            return null;
        }

        var from = random.Next(Replicas.Count);
        var to = (from + random.Next(1, Replicas.Count)) % Replicas.Count;
        return (Replicas[from], Replicas[to]);
    }

    private SimulatedReplica[] Shuffled()
    {
        SimulatedReplica[] order = [.. Replicas];
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = random.Next(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    private static int[] Numbers(IEnumerable<SimulatedReplica> replicas) => [.. replicas.Select(static r => r.Number)];
}
