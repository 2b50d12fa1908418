namespace MultiDc.Simulation;

/// <summary>
/// What makes a leader go on believing that it leads while others elect another: no ticks, so that it misses nobody, and the one thing besides
/// that seems to prove it right.
/// </summary>
internal sealed partial class FaultInjector
{
    private bool cutsNextChange;

    /// <summary>A leader writes a configuration, of which nobody else knows yet.</summary>
    public void ChangeIsWritten(ReplicaProcess leader, GroupConfiguration next)
    {
        if (cutsNextChange && !isCalm)
        {
            cutsNextChange = false;
            Began(FaultKind.CutInChange, CutInChange(leader, next));
        }
    }

    private Fault? LeaderHearsLate()
    {
        if (world.Leader is not { Pump: not null, IsPaused: false } leader)
        {
            return null;
        }

        var late = random.Between(world.Plan.ElectionTimeout / 2, 4 * world.Plan.ElectionTimeout);
        var hearing = OneWay(NumbersBut(leader), [leader.Replica.Number]);
        var speaking = OneWay([leader.Replica.Number], NumbersBut(leader));
        var (isCut, isOver) = (false, false);
        if (random.OneIn(3))
        {
            // Whoever it hands over to wins without its hearing of that.
            LeadershipTransfer();
        }

        leader.IsStarvedOfTicks = true;
        hearing.ForEach(link => world.Network[link.From, link.To].AddedDelay += late);
        world.Events.After(random.Between(TimeSpan.Zero, late), () =>
        {
            if (!isOver)
            {
                isCut = true;
                speaking.ForEach(link => world.Network[link.From, link.To].Cut());
            }
        });
        return new($"{leader} gets no ticks, is told everything {late.TotalMilliseconds:0} ms late, and soon is heard no more", () =>
        {
            isOver = true;
            leader.IsStarvedOfTicks = false;
            hearing.ForEach(link => world.Network[link.From, link.To].AddedDelay -= late);
            speaking.Where(_ => isCut).ToList().ForEach(link => world.Network[link.From, link.To].Mend());
        })
        {
            AtLeast = 4 * world.Plan.ElectionTimeout,
        };
    }

    /// <summary>Begins when somebody changes the membership, if anybody does.</summary>
    private Fault? CutInNextChange()
    {
        cutsNextChange = true;
        return null;
    }

    private Fault CutInChange(ReplicaProcess leader, GroupConfiguration next)
    {
        SimulatedReplica[] followers = [.. Shuffled().Where(replica => replica != leader.Replica && next.IsVoter(replica.Id))];
        var enough = followers.Take(next.IsVoter(leader.Replica.Id) ? next.Voters.Length / 2 : (next.Voters.Length / 2) + 1);
        int[] with = [leader.Replica.Number, .. Numbers(enough)];
        int[] without = [.. Numbers(Replicas).Where(number => !with.Contains(number))];
        var links = BothWays(with, without);
        leader.IsStarvedOfTicks = true;
        links.ForEach(link => world.Network[link.From, link.To].Cut());
        return new($"{leader} gets no ticks, and is cut off with ({string.Join(' ', enough)}) while it changes the members to {next}", () =>
        {
            leader.IsStarvedOfTicks = false;
            links.ForEach(link => world.Network[link.From, link.To].Mend());
        })
        {
            AtLeast = 4 * world.Plan.ElectionTimeout,
        };
    }

    private Fault? LeaderPausedAlone()
    {
        if (world.Leader is not { Pump: not null, IsPaused: false } leader)
        {
            return null;
        }

        var links = BothWays([leader.Replica.Number], NumbersBut(leader));
        leader.Pause();
        links.ForEach(link => world.Network[link.From, link.To].Cut());
        return new($"{leader} stands still, and will hear no other replica at first when it goes on", () =>
        {
            leader.Resume();
            world.Events.After(TimeSpan.FromSeconds(1), () => links.ForEach(link => world.Network[link.From, link.To].Mend()));
        })
        {
            AtLeast = 2 * world.Plan.ElectionTimeout,
        };
    }

    private int[] NumbersBut(ReplicaProcess process) => [.. Numbers(Replicas).Where(number => number != process.Replica.Number)];
}
