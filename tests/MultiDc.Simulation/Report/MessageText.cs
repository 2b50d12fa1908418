namespace MultiDc.Simulation;

/// <summary>Messages in words, for conversations.</summary>
internal static class MessageText
{
    public static string Of(RaftMessage message) => message switch
    {
        PreVoteRequest m => $"PreVoteRequest t{m.Term} last={m.LastEntry}",
        PreVoteResponse m => $"PreVoteResponse t{m.Term} {(m.Granted ? "granted" : "refused")}",
        VoteRequest m => $"VoteRequest t{m.Term} last={m.LastEntry}{(m.LeadershipTransfer ? " transfer" : "")}",
        VoteResponse m => $"VoteResponse t{m.Term} {(m.Granted ? "granted" : "refused")}",
        AppendRequest m => $"AppendRequest t{m.Term} after {m.Previous} [{string.Join(' ', m.Entries.Select(Of))}] commit={m.Commit}",
        AppendAccepted m => $"AppendAccepted t{m.Term} match={m.Match}",
        AppendRejected m => $"AppendRejected t{m.Term} previous={m.RejectedPrevious} hint={m.Hint}",
        HeartbeatRequest m => $"HeartbeatRequest t{m.Term} commit={m.Commit} round={m.Round}",
        HeartbeatResponse m => $"HeartbeatResponse t{m.Term} round={m.Round}",
        SnapshotRequest m => $"SnapshotRequest t{m.Term} {m.Snapshot.LastIncluded} {m.Snapshot.Configuration}",
        TimeoutNowRequest m => $"TimeoutNowRequest t{m.Term}",
        _ => message.ToString()!,
    };

    public static string Of(LogEntry entry) => entry.Kind switch
    {
        EntryKind.Command => $"{entry.Id}",
        EntryKind.WithheldCommand => $"{entry.Id}:withheld",
        EntryKind.NoOp => $"{entry.Id}:no-op",
        _ => $"{entry.Id}:{{{Of(ConfigurationCodec.Decode(entry.Payload))}}}",
    };

    /// <summary>Without the places, which never change.</summary>
    public static string Of(GroupConfiguration configuration) => (configuration with { Datacenters = configuration.Datacenters.Clear() }).ToString();
}
