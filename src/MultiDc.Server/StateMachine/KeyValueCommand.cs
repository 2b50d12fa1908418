using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>A command in the log of a shard. What it does depends on it and the state alone: no clock, no configuration, no chance.</summary>
internal abstract record KeyValueCommand;

/// <summary>Opens a session, numbered by the index of this very entry.</summary>
internal sealed record OpenSessionCommand : KeyValueCommand
{
    public static readonly OpenSessionCommand Instance = new();
}

/// <summary>The leader found that leases have not been renewed for their whole life. Nothing happens to those that were meanwhile.</summary>
/// <param name="Leases">Each with its last renewal that the leader knew.</param>
internal sealed record ExpireLeasesCommand(System.Collections.Immutable.ImmutableArray<(LeaseId Lease, LogIndex RenewedAt)> Leases) : KeyValueCommand;

/// <summary>One write of a session.</summary>
internal sealed record WriteCommand(SessionId Session, SessionSequence Sequence, WriteOperation Operation) : KeyValueCommand;
