using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>
/// Membership changes (§4.1, §4.3; Ongaro, raft-dev 2015): one at a time, each only after the one before is committed and after the leader
/// has committed in its term; and from each to the next either at most one voter differs or a joint configuration stands between.
/// </summary>
internal sealed class ConfigurationChanges(Violations violations, CommittedLog committed, RareEvents rareEvents)
{
    public void Writing(ReplicaProcess process, ReplicaWrite write, LogImage before)
    {
        for (var i = 0; i < write.Entries.Count; i++)
        {
            if (write.Entries[i].Kind == EntryKind.Configuration)
            {
                Check(process, write.Entries[i], Previous(write, i, before));
            }
        }
    }

    private void Check(ReplicaProcess process, LogEntry entry, (ulong Index, GroupConfiguration Configuration) previous)
    {
        var next = ConfigurationCodec.Decode(entry.Payload);
        rareEvents.HitIf(next.IsJoint, RareEvent.JointEntered);
        if (previous.Index > committed.Last)
        {
            violations.Report(nameof(ConfigurationChanges), $"{process} writes configuration {entry.Id}, and that of {previous.Index} is not committed");
        }

        if (!Follows(previous.Configuration, next))
        {
            violations.Report(nameof(ConfigurationChanges), $"{process} writes {next} at {entry.Id} after {previous.Configuration}");
        }

        var leads = process.Pump is { Node: { Role: RaftRole.Leader } node } && node.Term == entry.Term;
        if (leads && !HasCommittedIn(entry.Term))
        {
            violations.Report(nameof(ConfigurationChanges), $"{process} changes the configuration at {entry.Id} before it has committed in its term");
        }
    }

    // Whoever joins knows nobody before its first configuration.
    private static bool Follows(GroupConfiguration previous, GroupConfiguration next) => previous == GroupConfiguration.None
        || (previous.IsJoint, next.IsJoint) switch
        {
            (false, true) => next.OutgoingVoters.SequenceEqual(previous.Voters),
            (true, false) => next.Voters.SequenceEqual(previous.Voters),
            (false, false) => previous.Voters.Except(next.Voters).Count() + next.Voters.Except(previous.Voters).Count() <= 1,
            _ => false,
        };

    private bool HasCommittedIn(Term term)
    {
        var last = committed.Last;
        while (last > 0 && committed[last].Term > term)
        {
            last--;
        }

        return last > 0 && committed[last].Term == term;
    }

    private static (ulong Index, GroupConfiguration Configuration) Previous(ReplicaWrite write, int at, LogImage before)
    {
        for (var i = at - 1; i >= 0; i--)
        {
            if (write.Entries[i].Kind == EntryKind.Configuration)
            {
                return (write.Entries[i].Index.Value, ConfigurationCodec.Decode(write.Entries[i].Payload));
            }
        }

        if (write.Install is { Metadata: var installed })
        {
            return (installed.LastIncluded.Index.Value, installed.Configuration);
        }

        var kept = (int)(write.Entries[0].Index.Value - before.StartIndex - 1);
        for (var i = kept - 1; i >= 0; i--)
        {
            if (before.Entries[i].Kind == EntryKind.Configuration)
            {
                return (before.Entries[i].Index.Value, ConfigurationCodec.Decode(before.Entries[i].Payload));
            }
        }

        return (before.StartIndex, before.Start.Configuration);
    }
}
