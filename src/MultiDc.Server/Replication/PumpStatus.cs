using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>What a replica's node was doing after a round.</summary>
internal sealed record PumpStatus(
    RaftRole Role, Term Term, ReplicaPlace? Leader, LogIndex Commit, LogIndex Applied, LogIndex Last, Epoch Epoch, GroupConfiguration Configuration,
    bool IsConfigurationCommitted, bool IsQuiesced);
