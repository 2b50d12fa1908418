using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Storage;

namespace MultiDc.Server.StateMachine;

/// <summary>Judges the records, commands and rows of the key-value shards: whether they can be read, and whether they can be true.</summary>
public sealed class KeyValueContentCheck : IStoredContentCheck
{
    private const string Founded = "founded/";

    private readonly Dictionary<ReplicaName, KeyRange> ranges = [];
    private readonly HashSet<LogIndex> sessionUses = [];
    private ReplicaName sessionsOf;

    /// <inheritdoc/>
    public string? ProblemOf(StoreRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return !record.Name.StartsWith(Founded, StringComparison.Ordinal) ? null : Judged(() =>
        {
            ranges[new(record.Name[Founded.Length..])] = ShardDescriptor.Deserialize(record.Value.Span).Range;
            return null;
        });
    }

    /// <inheritdoc/>
    public string? ProblemOf(ReplicaName replica, LogEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return entry.Kind != EntryKind.Command ? null : Judged(() =>
        {
            StoredContent.OfCommand(entry.Payload);
            return null;
        });
    }

    /// <inheritdoc/>
    public string? ProblemOf(ReplicaName replica, LogIndex applied, StateRow row) => Judged(() => StoredContent.OfRow(row) switch
    {
        StoredEntry entry => ProblemOf(replica, applied, entry.Entry),
        StoredSession session => ProblemOf(replica, applied, session),
        StoredLease lease => lease.Lease.IsNone || lease.RenewedAt.Value < lease.Lease.Value || lease.RenewedAt > applied || lease.Keys is < 0 or > LeaseLimits.MaxKeysOfLease
            ? $"lease {lease.Lease} was renewed at index {lease.RenewedAt} and has {lease.Keys} keys, but applied is {applied}"
            : null,
        StoredBoundKey bound => bound.Lease.IsNone || bound.Lease.Value > applied.Value ? $"a key is bound to lease {bound.Lease}, but applied is {applied}" : null,
        StoredGuard guard => guard.RaisedAt.Value == 0 || guard.RaisedAt > applied ? $"guard '{guard.Name}' was raised at index {guard.RaisedAt}, but applied is {applied}" : null,
        _ => throw new System.Diagnostics.UnreachableException(),
    });

    private string? ProblemOf(ReplicaName replica, LogIndex applied, KeyValueEntry entry)
    {
        var (created, modified) = (entry.CreateRevision.Value, entry.ModifyRevision.Value);
        return (KeyLimits.DescribeKeyProblem(entry.Key.Span) ?? KeyLimits.DescribeValueProblem(entry.Value.Span)) is { } problem ? problem
            : modified > applied.Value ? $"it was modified at revision {modified}, but applied is {applied}"
            : created == 0 || created > modified ? $"it was created at revision {created} and modified at {modified}"
            : entry.Version == 0 || entry.Version > modified - created + 1 || (entry.Version == 1) != (created == modified)
                ? $"it was created at revision {created}, modified at {modified} and written {entry.Version} times"
            : ranges.TryGetValue(replica, out var range) && !range.Contains(entry.Key.Span) ? "its key is not in the range of this shard"
            : null;
    }

    private string? ProblemOf(ReplicaName replica, LogIndex applied, StoredSession session)
    {
        if (sessionsOf != replica)
        {
            sessionsOf = replica;
            sessionUses.Clear();
        }

        var (opened, used) = (session.Session.Value, session.LastUsedAt.Value);
        var isTold = session.Outcome is null
            ? session.LastSequence.Value == 0 && used == opened && session.OutcomeRevision.Value == 0
            : session.LastSequence.Value > 0 && used > opened && session.OutcomeRevision.Value == used;
        return used > applied.Value ? $"session {opened} was used at index {used}, but applied is {applied}"
            : !isTold ? $"session {opened}: last used at index {used} with write {session.LastSequence.Value} of outcome {session.Outcome?.ToString() ?? "none"} at revision {session.OutcomeRevision.Value}"
            : !sessionUses.Add(session.LastUsedAt) ? $"session {opened} was used at index {used}, and so was another"
            : sessionUses.Count == KeyValueStateMachine.MaxSessions + 1 ? $"there are more than {KeyValueStateMachine.MaxSessions} sessions"
            : null;
    }

    private static string? Judged(Func<string?> judge)
    {
        try
        {
            return judge();
        }
        catch (FormatException exception)
        {
            return exception.Message;
        }
    }
}
