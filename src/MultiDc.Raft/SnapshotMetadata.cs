namespace MultiDc.Raft;

/// <summary>Describes a snapshot of the state machine (§5): the state after applying everything up to and including one entry.</summary>
/// <param name="LastIncluded">The last entry the state contains.</param>
/// <param name="Configuration">The group's configuration as of that entry.</param>
public sealed record SnapshotMetadata(EntryId LastIncluded, GroupConfiguration Configuration);
