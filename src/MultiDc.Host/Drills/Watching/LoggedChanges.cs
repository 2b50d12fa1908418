using System.Text;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Host.Drills.Watching;

/// <summary>
/// What a watch of a prefix must have told, worked out from the log in a stopped silo's store by rules that are written down here once more: a session's repeated write counts
/// once, and what deletes nothing changes nothing. Knows puts and deletes only, which is all that the drill writes.
/// </summary>
internal static class LoggedChanges
{
    /// <summary>The changes behind a revision, in order, as <see cref="StreamWatcher.Describe(ulong, string, string?)"/> has them.</summary>
    /// <exception cref="DrillFailedException">The log does not reach back that far.</exception>
    public static IReadOnlyList<string> Read(StoreInspection store, ReplicaAddress replica, string prefix, ulong after)
    {
        var stored = store.Describe(new(replica.ToString()));
        var start = stored.LogStart.LastIncluded.Index.Value;
        if (start > after)
        {
            throw new DrillFailedException($"the log of {replica} begins at {start}, and watchers began at {after}: it was compacted. Bring the datacenters up anew, with more --shards, or take a lower --rate");
        }

        var log = new List<(ulong, StoredContent)>();
        store.ReadLog(stored, entry =>
        {
            if (entry.Kind == EntryKind.Command)
            {
                log.Add((entry.Index.Value, StoredContent.OfCommand(entry.Payload)));
            }
        });
        return ChangesOf(log, prefix, after);
    }

    internal static IReadOnlyList<string> ChangesOf(IEnumerable<(ulong Index, StoredContent Command)> log, string prefix, ulong after)
    {
        var changes = new List<string>();
        var sessions = new Dictionary<SessionId, ulong>();
        var present = new HashSet<string>();
        foreach (var (index, command) in log)
        {
            if (command is not StoredWrite write || write.Sequence.Value <= sessions.GetValueOrDefault(write.Session))
            {
                continue;
            }

            sessions[write.Session] = write.Sequence.Value;
            var key = Encoding.UTF8.GetString(write.Operation.Key.Span);
            if (!key.StartsWith(prefix, StringComparison.Ordinal))
            {
                continue;
            }

            var value = write.Operation is PutOperation put ? Encoding.UTF8.GetString(put.Value.Span) : null;
            if (value is not null)
            {
                present.Add(key);
            }
            else if (!present.Remove(key))
            {
                continue;
            }

            if (index > after)
            {
                changes.Add(StreamWatcher.Describe(index, key, value));
            }
        }

        return changes;
    }
}
