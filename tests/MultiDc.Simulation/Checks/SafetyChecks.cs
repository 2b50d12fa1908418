using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>Watches a run: hands everything that happens to the checks that care, step by step.</summary>
internal sealed class SafetyChecks : IDiskWitness
{
    private const int LooksPerWholeCheck = 256;

    private readonly SimulatedWorld world;
    private readonly ElectionSafety elections;
    private readonly VoteOnce votes;
    private readonly DurableBeforeSpoken durability;
    private readonly LogMatching matching;
    private readonly LeaderAppendOnly appendOnly;
    private readonly HardStateGrows hardState;
    private readonly LeaderCompleteness completeness;
    private readonly CommitIsHeld held;
    private readonly ElectedByMajorities majorities;
    private readonly MatchGrows matches;
    private readonly Bounds bounds;
    private readonly StateAgreement states;
    private readonly ConfigurationChanges configurations;
    private readonly LeaseExclusion leases;
    private int looks;
    private ReplicaId expectedLeader;

    public SafetyChecks(SimulatedWorld world)
    {
        this.world = world;
        var violations = world.Violations;
        Committed = new(violations);
        elections = new(violations);
        votes = new(violations);
        durability = new(violations);
        matching = new(violations);
        appendOnly = new(violations);
        hardState = new(violations);
        completeness = new(violations, Committed);
        held = new(violations, Committed);
        majorities = new(violations);
        matches = new(violations);
        bounds = new(violations);
        states = new(violations, Committed);
        leases = new(violations);
        configurations = new(violations, Committed, world.RareEvents);
        Reads = new(violations, Committed);
        Memory = new(violations);
    }

    public CommittedLog Committed { get; }

    public FreshReads Reads { get; }

    public NothingSaidIsForgotten Memory { get; }

    public Term GreatestLeaderTerm => elections.GreatestTerm;

    /// <summary>Somebody asked for this replica to lead.</summary>
    public void ExpectTransfer(ReplicaId to) => expectedLeader = to;

    /// <summary>Looks at a replica after it acted.</summary>
    public void Observe(ReplicaProcess process)
    {
        var node = process.Pump!.Node;
        var sighting = process.Sighting;
        if (node.Term < sighting.Term)
        {
            world.Violations.Report("Terms", $"{process}: the term went back from {sighting.Term} to {node.Term}");
        }

        var added = Committed.Compare(process, node);
        if (added > 0)
        {
            CommittedMore(process, node, added);
        }

        // Whoever won alone leads in memory before its term is durable, and may be fenced before anybody hears of it.
        var isDurable = process.Storage!.Image.Durable is { } durable && durable.HardState.Term >= node.Term;
        if ((node.Role != sighting.Role || node.Term != sighting.Term) && (isDurable || node.Role != RaftRole.Leader))
        {
            RoleChanged(process, node, sighting);
        }

        matches.Observe(process, node, sighting);
        bounds.Observe(process, world.Plan);
        if (++looks % LooksPerWholeCheck == 0)
        {
            CheckWhole(process, node);
        }

        world.Digest.Add(DigestTag.Turn, ((ulong)process.Number << 32) | ((ulong)node.Role << 28) | node.Term.Value, (node.Commit.Value << 32) | node.LastEntry.Index.Value);
    }

    /// <summary>Looks at what waits for a replica that was handed something.</summary>
    public void HandedIn(ReplicaProcess process) => bounds.Observe(process, world.Plan);

    /// <summary>Looks at everything a replica is about to say.</summary>
    public void Sending(ReplicaProcess process, IReadOnlyList<RaftMessage> messages)
    {
        foreach (var message in messages)
        {
            votes.Sending(process, message);
            durability.Sending(process, message);
        }
    }

    public void Writing(SimulatedStorage opening, ReplicaWrite write, LogImage before)
    {
        if (opening.Process is not { } process)
        {
            return;
        }

        world.Digest.Add(DigestTag.Write, process.Number, ((ulong)write.Entries.Count << 32) | (write.HardState?.Term.Value ?? 0));
        world.Conversation.Tell($"{process} writes {write.HardState} {write.Install?.Metadata} [{string.Join(' ', write.Entries.Select(MessageText.Of))}]");
        matching.Writing(process, write, before);
        appendOnly.Writing(process, write, before);
        hardState.Writing(process, write, before);
        if (process.Pump is not null && write.Entries.Any(static entry => entry.Kind == EntryKind.Configuration))
        {
            // What the leader has committed in this very turn counts.
            Observe(process);
            configurations.Writing(process, write, before);
            if (process.Pump.Node.Role == RaftRole.Leader)
            {
                world.Faults.ChangeIsWritten(process, process.Pump.Node.Configuration);
            }
        }

        if (write.Entries is [var first, ..] && first.Index.Value <= before.LastIndex && write.Install is null)
        {
            world.RareEvents.Hit(RareEvent.ConflictingEndCutOff);
            world.RareEvents.HitIf(
                before.Entries.Skip((int)(first.Index.Value - before.StartIndex - 1)).Any(static entry => entry.Kind == EntryKind.Configuration),
                RareEvent.ConfigurationTruncated);
        }
    }

    public void Applied(SimulatedStorage opening, StateTable state)
    {
        if (opening.Process is { Pump: not null } process)
        {
            Observe(process);
            if (process.Replica.IsWitness is not true)
            {
                states.Applied(process, state);
            }

            world.Digest.Add(DigestTag.Applied, state.Applied, state.Hash);
        }
    }

    public void Installed(SimulatedStorage opening, SnapshotMetadata snapshot, StateTable state)
    {
        world.RareEvents.Hit(RareEvent.SnapshotInstalled);
        if (opening.Process is { Pump: not null } process)
        {
            Observe(process);
            if (process.Replica.IsWitness is not true)
            {
                states.Applied(process, state);
            }

            world.Digest.Add(DigestTag.Applied, state.Applied, state.Hash);
        }
    }

    public void Compacted(SimulatedStorage opening, SnapshotMetadata to) => world.RareEvents.Hit(RareEvent.LogCompacted);

    public void Flushed(SimulatedDisk disk, int writes) => world.Digest.Add(DigestTag.Flush, (ulong)writes);

    private void CommittedMore(ReplicaProcess process, RaftNode node, int added)
    {
        if (node.Role == RaftRole.Leader)
        {
            held.Committed(process, node, world);
            world.RareEvents.HitIf(Committed[Committed.Last - (ulong)added + 1].Term < node.Term, RareEvent.EarlierTermCommittedByLater);
        }

        completeness.Committed(node.Term, world.Processes);
    }

    private void RoleChanged(ReplicaProcess process, RaftNode node, ReplicaSighting sighting)
    {
        if (node.Role == RaftRole.Leader)
        {
            elections.Leads(process, node.Term);
            majorities.Leads(process, node, world);
            completeness.Leads(process, node);
            leases.Elected(process, node.Term, world.Processes);
            world.RareEvents.Hit(RareEvent.ElectionWon);
            world.RareEvents.HitIf(node.Id == expectedLeader, RareEvent.TransferSucceeded);
            expectedLeader = ReplicaId.None;
            world.RareEvents.HitIf(world.Processes.Any(p => p != process && p.Pump?.Node.Role == RaftRole.Leader), RareEvent.TwoLeadersAtOnce);
            world.Conversation.Tell($"{process} LEADS in term {node.Term}");
        }
        else if (sighting.Role == RaftRole.Leader)
        {
            world.RareEvents.Hit(RareEvent.LeaderStoppedLeading);
            world.Conversation.Tell($"{process} leads no more");
        }

        (sighting.Role, sighting.Term) = (node.Role, node.Term);
    }

    private void CheckWhole(ReplicaProcess process, RaftNode node)
    {
        try
        {
            node.Check();
        }
        catch (RaftInvariantException exception)
        {
            world.Violations.Report("Invariant", $"{process}: {exception.Message}");
        }
    }
}
