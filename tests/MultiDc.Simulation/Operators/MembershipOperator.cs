namespace MultiDc.Simulation;

/// <summary>
/// Changes the membership while the run goes on: learners come, are promoted, demoted and removed, witnesses come and go, lost replicas are
/// replaced under new ids, one voter at a time or several through a joint configuration. Asks only for what leaves the group able to go on
/// with the replicas that are not lost for good.
/// </summary>
internal sealed class MembershipOperator(SimulatedWorld world, RunRandom random)
{
    private readonly MembershipPlan plan = world.Plan.Membership;
    private readonly SortedSet<ReplicaId> leaving = [];
    private bool isAsking;
    private int asked;
    private bool isCalm;

    /// <summary>Whether an answer is awaited.</summary>
    public bool IsAsking => isAsking;

    public void Begin()
    {
        if (plan.Pause > TimeSpan.Zero)
        {
            world.Events.After(random.Around(plan.Pause), Act);
        }
    }

    /// <summary>From now on only what was begun is brought to its end.</summary>
    public void FinishOnly()
    {
        isCalm = true;
        Finish();
    }

    private void Act()
    {
        if (isCalm)
        {
            return;
        }

        world.Events.After(random.Around(plan.Pause), Act);
        RetireWhoHasLeft();

        // Now and then somebody is asked who only believes that it leads, or knows that it does not.
        var asked = random.OneIn(8) ? random.Pick(world.Replicas).Process : world.Leader;
        if (!isAsking && asked?.Pump is { } pump)
        {
            Ask(asked, pump.Node.Configuration);
        }
    }

    private void Finish()
    {
        world.Events.After(world.Plan.ElectionTimeout, Finish);
        if (!isAsking && world.Leader is { Pump: { } pump } leader && pump.Node.Configuration is { IsJoint: true, AutoLeave: false })
        {
            BeginAsking();
            leader.Ask(static pump => pump.LeaveJointAsync(), Answered);
        }
    }

    private void Ask(ReplicaProcess process, GroupConfiguration current)
    {
        if (current is { IsJoint: true, AutoLeave: false })
        {
            BeginAsking();
            process.Ask(static pump => pump.LeaveJointAsync(), Answered);
            return;
        }

        var changes = DrawChanges(current);
        if (changes.Count == 0)
        {
            return;
        }

        var transition = random.OneIn(Math.Max(1, plan.JointOneIn)) && plan.JointOneIn > 0
            ? random.PickOf(ConfigurationTransition.JointImplicit, ConfigurationTransition.JointExplicit)
            : ConfigurationTransition.Auto;
        // Now and then what the group must refuse by itself.
        var isPossible = TryPlan(current, changes, transition, out var next);
        if (isPossible ? !Survival.CanGoOn(next!, world) || next!.Voters.Length > 7 : !random.OneIn(4))
        {
            return;
        }

        foreach (var newcomer in changes.Where(change => !current.Contains(change.Replica) && change.Kind != ConfigurationChangeKind.Remove))
        {
            Prepare(world.ReplicaWith(newcomer.Replica), newcomer.Kind == ConfigurationChangeKind.AddWitness);
        }

        BeginAsking();
        world.Conversation.Tell($"OPERATOR asks {process} for {string.Join(", ", changes.Select(static c => $"{c.Kind} {c.Replica}"))} ({transition})");
        process.Ask(pump => pump.ChangeConfigurationAsync(changes, transition), outcome =>
        {
            Answered(outcome);
            if (outcome is Applied)
            {
                leaving.UnionWith(changes.Where(static c => c.Kind == ConfigurationChangeKind.Remove).Select(static c => c.Replica));
            }
        });
    }

    private void BeginAsking()
    {
        isAsking = true;
        var mine = ++asked;

        // An asked process that is killed never answers.
        world.Events.After(TimeSpan.FromSeconds(30), () => isAsking &= mine != asked);
    }

    private void Answered(WriteResult outcome)
    {
        isAsking = false;
        world.Conversation.Tell($"OPERATOR is told {outcome}");
        world.RareEvents.Hit(outcome switch
        {
            Applied => RareEvent.MembershipChanged,
            Rejected { Reason: RejectionReason.InvalidArgument } => RareEvent.MembershipChangeInvalid,
            Rejected => RareEvent.MembershipChangeRefused,
            _ => RareEvent.MembershipChangeUnknown,
        });
    }

    private List<ConfigurationChange> DrawChanges(GroupConfiguration current)
    {
        var members = current.Members;
        if (members.FirstOrDefault(id => world.ReplicaWith(id).IsLost) is { IsNone: false } lost && random.OneIn(2))
        {
            return ReplaceOrRemove(current, lost);
        }

        return random.Next(8) switch
        {
            0 or 1 => Newcomer(current, mayVoteAtOnce: false),
            2 or 3 => Of(ConfigurationChangeKind.AddVoter, current.Learners),
            4 => Of(ConfigurationChangeKind.AddLearner, [.. current.Voters.Where(v => !current.IsWitness(v))]),
            5 => Of(ConfigurationChangeKind.Remove, members),
            6 => [.. Of(ConfigurationChangeKind.AddVoter, current.Learners), .. Of(ConfigurationChangeKind.Remove, current.Voters)],
            _ => [.. Newcomer(current, mayVoteAtOnce: true), .. Of(ConfigurationChangeKind.Remove, current.Learners), .. Of(ConfigurationChangeKind.AddLearner, current.Voters)],
        };
    }

    private List<ConfigurationChange> ReplaceOrRemove(GroupConfiguration current, ReplicaId lost)
    {
        var learner = Of(ConfigurationChangeKind.AddVoter, current.Learners);
        return learner.Count == 0 && current.Voters.Length <= 3 ? Newcomer(current, mayVoteAtOnce: false) : [.. learner, new(ConfigurationChangeKind.Remove, lost)];
    }

    private List<ConfigurationChange> Newcomer(GroupConfiguration current, bool mayVoteAtOnce)
    {
        SimulatedReplica[] spares = [.. world.Replicas.Where(r => !r.IsLost && !current.Contains(r.Id))];
        if (spares.Length == 0)
        {
            return [];
        }

        var spare = random.Pick(spares);
        var isWitness = spare.IsWitness ?? (plan.WitnessOneIn > 0 && random.OneIn(plan.WitnessOneIn));
        var kind = isWitness ? ConfigurationChangeKind.AddWitness
            : mayVoteAtOnce && random.OneIn(2) ? ConfigurationChangeKind.AddVoter
            : ConfigurationChangeKind.AddLearner;
        return [new(kind, spare.Id, GroupShape.TagOf(spare.Datacenter))];
    }

    private List<ConfigurationChange> Of(ConfigurationChangeKind kind, IReadOnlyList<ReplicaId> among) =>
        among.Count == 0 ? [] : [new(kind, random.Pick(among))];

    private static bool TryPlan(
        GroupConfiguration current, List<ConfigurationChange> changes, ConfigurationTransition transition,
        [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GroupConfiguration? next) =>
        (transition == ConfigurationTransition.Auto && ConfigurationChanger.TrySimple(current, changes, out next, out _))
        || ConfigurationChanger.TryEnterJoint(current, transition != ConfigurationTransition.JointExplicit, changes, out next, out _);

    // A newcomer is started before it is a member: over an empty store, knowing no configuration.
    private void Prepare(SimulatedReplica newcomer, bool isWitness)
    {
        newcomer.IsWitness ??= isWitness;
        newcomer.Founding ??= new(GroupConfiguration.None);
        newcomer.IsWanted = true;
        world.StartIfDown(newcomer);
    }

    // A replica is stopped only when its removal is committed and no joint configuration counts on it any more.
    private void RetireWhoHasLeft()
    {
        if (leaving.Count == 0 || world.Leader is not { Pump.Node: var leader } || leader.Configuration.IsJoint || leader.Log.ConfigurationIndex > leader.Commit)
        {
            return;
        }

        foreach (var left in leaving.Where(id => !leader.Configuration.Contains(id)).Select(world.ReplicaWith))
        {
            world.RareEvents.HitIf(left.IsLost, RareEvent.LostReplicaRemoved);
            if (random.OneIn(plan.StoppedOneIn))
            {
                left.IsWanted = false;
                left.KillProcesses();
            }
        }

        leaving.Clear();
    }
}
