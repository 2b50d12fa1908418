namespace MultiDc.Raft.Tests;

/// <summary>The properties of figure 3.2, seen from outside over all replicas and all time.</summary>
internal sealed class SafetyOracle(GroupConfiguration founding)
{
    private readonly Dictionary<Term, ReplicaId> leaders = [];
    private readonly List<LogEntry> applied = [];
    private readonly Dictionary<ReadRequestId, LogIndex> readsBegan = [];
    private readonly Dictionary<EntryId, (Term Previous, LogEntry Entry)> created = [];
    private readonly Dictionary<RaftNode, LogIndex> commits = [];
    private readonly List<(LogIndex Index, GroupConfiguration Configuration)> configurations = [(LogIndex.Zero, founding)];
    private LogIndex committed;

    public int Committed => applied.Count;

    public int Leaders => leaders.Count;

    /// <summary>How many committed configurations there were after the founding one.</summary>
    public int Configurations => configurations.Count - 1;

    /// <summary>What a state machine holds after the entry at the index.</summary>
    public List<EntryId> StateAt(LogIndex index) => [.. applied.Take((int)index.Value).Select(entry => entry.Id)];

    /// <summary>What is said of the past is true.</summary>
    public void SnapshotNames(SnapshotMetadata snapshot)
    {
        var configuration = configurations.FindLast(at => at.Index <= snapshot.LastIncluded.Index).Configuration;
        Assert.True(snapshot.Configuration == configuration, $"a snapshot to {snapshot.LastIncluded} names {snapshot.Configuration} instead of {configuration}");
    }

    /// <summary>Looks at a replica after it acted.</summary>
    public void Observe(RaftNode node, Disk disk)
    {
        Assert.True(node.Commit >= commits.GetValueOrDefault(node), $"the commit index of {node.Id} went back");
        commits[node] = node.Commit;
        committed = node.Commit > committed ? node.Commit : committed;
        if (node.Role == RaftRole.Leader && leaders.TryAdd(node.Term, node.Id) && leaders.Keys.Max() == node.Term)
        {
            LeaderCompleteness(disk);
        }

        Assert.True(node.Role != RaftRole.Leader || leaders[node.Term] == node.Id, $"Election Safety: two leaders in term {node.Term}");
    }

    /// <summary>State Machine Safety: no two replicas ever apply different entries at an index, nor does one apply something else later.</summary>
    public void Applied(ReplicaId replica, LogEntry entry)
    {
        var at = (int)entry.Index.Value - 1;
        if (at == applied.Count)
        {
            applied.Add(entry);
            FollowConfiguration(entry);
        }
        else if (applied[at].Kind == EntryKind.WithheldCommand && applied[at].Id == entry.Id)
        {
            applied[at] = entry;
        }

        Assert.True(Same(applied[at], entry), $"State Machine Safety: {replica} applied {entry.Id} where {applied[at].Id} was applied");
    }

    /// <summary>Anything that any replica knew to be committed when the read began must be seen by it.</summary>
    public void ReadBegan(ReadRequestId id) => readsBegan.Add(id, committed);

    public void ReadMayBeServed(ReadState read) =>
        Assert.True(read.Index >= readsBegan[read.Id], $"linearizable reads: {read} is older than {readsBegan[read.Id]}, committed before it began");

    /// <summary>Log Matching: an entry with a given id is one and the same everywhere, and so is the one before it.</summary>
    public void Written(Disk disk, IReadOnlyList<LogEntry> entries)
    {
        if (entries.Count == 0)
        {
            return;
        }

        var at = disk.Entries.Count - entries.Count;
        var previous = at > 0 ? disk.Entries[at - 1].Term : disk.Snapshot.LastIncluded.Term;
        foreach (var entry in entries)
        {
            if (!created.TryAdd(entry.Id, (previous, entry)))
            {
                var known = created[entry.Id];
                Assert.True(known.Previous == previous && Same(known.Entry, entry), $"Log Matching: two entries {entry.Id}");
                created[entry.Id] = known.Entry.Kind == EntryKind.WithheldCommand ? (previous, entry) : known;
            }

            previous = entry.Term;
        }
    }

    /// <summary>What a witness holds says nothing about the payload.</summary>
    private static bool Same(LogEntry left, LogEntry right) => left.Id == right.Id
        && (left.Kind == EntryKind.WithheldCommand || right.Kind == EntryKind.WithheldCommand
            || (left.Kind == right.Kind && left.Payload.Span.SequenceEqual(right.Payload.Span)));

    /// <summary>One change at a time (§4.1): by one voter (§4.2), into a joint configuration or out of it (§4.3).</summary>
    private void FollowConfiguration(LogEntry entry)
    {
        if (entry.Kind != EntryKind.Configuration)
        {
            return;
        }

        var (before, after) = (configurations[^1].Configuration, ConfigurationCodec.Decode(entry.Payload));
        var differ = before.Voters.Except(after.Voters).Union(after.Voters.Except(before.Voters)).Count();
        var follows = before.IsJoint ? !after.IsJoint && differ == 0
            : after.IsJoint ? before.Voters.SequenceEqual(after.OutgoingVoters)
            : differ <= 1;
        Assert.True(follows, $"one change at a time: {before} was followed by {after}");
        configurations.Add((entry.Index, after));
    }

    /// <summary>Leader Completeness: the leader of the latest term holds everything that was ever applied.</summary>
    private void LeaderCompleteness(Disk disk)
    {
        var first = disk.Snapshot.LastIncluded.Index.Value;
        Assert.True(first + (ulong)disk.Entries.Count >= (ulong)applied.Count, "Leader Completeness: the leader's log is too short");
        for (var at = first; at < (ulong)applied.Count; at++)
        {
            Assert.True(disk.Entries[(int)(at - first)].Id == applied[(int)at].Id, $"Leader Completeness: the leader lacks {applied[(int)at].Id}");
        }
    }
}
