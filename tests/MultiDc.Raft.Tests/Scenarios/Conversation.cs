using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>How a scenario prints what replicas do and say.</summary>
internal static class Conversation
{
    public static string Of(RaftMessage message) => $"{message.From}->{message.To} " + message switch
    {
        PreVoteRequest m => $"PreVoteRequest term={m.Term} last={m.LastEntry}",
        PreVoteResponse m => $"PreVoteResponse term={m.Term} {(m.Granted ? "granted" : "refused")}",
        VoteRequest m => $"VoteRequest term={m.Term} last={m.LastEntry}{(m.LeadershipTransfer ? " transfer" : "")}",
        VoteResponse m => $"VoteResponse term={m.Term} {(m.Granted ? "granted" : "refused")}",
        AppendRequest m => $"AppendRequest term={m.Term} previous={m.Previous} [{Of(m.Entries)}] commit={m.Commit}",
        AppendAccepted m => $"AppendAccepted term={m.Term} match={m.Match}",
        AppendRejected m => $"AppendRejected term={m.Term} previous={m.RejectedPrevious} hint={m.Hint}",
        HeartbeatRequest m => $"HeartbeatRequest term={m.Term} commit={m.Commit} round={m.Round}",
        HeartbeatResponse m => $"HeartbeatResponse term={m.Term} round={m.Round}{Of(m.Promise)}",
        SnapshotRequest m => $"SnapshotRequest term={m.Term} {m.Snapshot.LastIncluded}",
        QuiesceRequest m => $"QuiesceRequest term={m.Term} last={m.Last} round={m.Round}",
        QuiesceResponse m => $"QuiesceResponse term={m.Term} round={m.Round}",
        WakeRequest m => $"WakeRequest term={m.Term}",
        TimeoutNowRequest m => $"TimeoutNowRequest term={m.Term}",
        _ => throw new ArgumentException(message.GetType().Name),
    };

    private static string Of(LeasePromise promise) =>
        promise == LeasePromise.None ? "" : $" clock={promise.Clock.Nanoseconds / 1_000_000}ms held={promise.HeldNanoseconds / 1_000_000}ms";

    public static string Of(IEnumerable<LogEntry> entries) => string.Join(' ', entries.Select(entry => entry.Kind switch
    {
        EntryKind.NoOp => $"{entry.Id}",
        EntryKind.Configuration => $"{entry.Id}={ConfigurationCodec.Decode(entry.Payload)}",
        EntryKind.WithheldCommand => $"{entry.Id}=withheld",
        _ => $"{entry.Id}={Encoding.UTF8.GetString(entry.Payload.Span)}",
    }));

    public static void Print(StringBuilder output, ReplicaId id, Ready ready)
    {
        Line(ready.HardState is { } state ? $"persists term={state.Term} vote={state.VotedFor} commit={state.Commit}" : null);
        Line(ready.SnapshotToInstall is { } snapshot ? $"installs snapshot {snapshot.LastIncluded}" : null);
        Line(ready.EntriesToPersist.Count > 0 ? $"persists [{Of(ready.EntriesToPersist)}]" : null);
        Line(ready.EntriesToApply.Count > 0 ? $"applies [{Of(ready.EntriesToApply)}]" : null);
        Line(ready.ReadStates.Count > 0 ? "serves reads " + string.Join(' ', ready.ReadStates.Select(read => $"{read.Id.Value}@{read.Index}")) : null);
        Line(ready.ReadsLost.Count > 0 ? "loses reads " + string.Join(' ', ready.ReadsLost.Select(read => read.Value)) : null);
        Line(ready.SnapshotsToSend.Count > 0 ? "wants a snapshot for " + string.Join(' ', ready.SnapshotsToSend) : null);

        void Line(string? what)
        {
            if (what is not null)
            {
                output.Append(id).Append(' ').Append(what).Append('\n');
            }
        }
    }
}
