using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>A command in the log of a shard. What it does depends on it and the state alone: no clock, no configuration, no chance.</summary>
internal abstract record KeyValueCommand;

/// <summary>Opens a session, numbered by the index of this very entry.</summary>
internal sealed record OpenSessionCommand : KeyValueCommand
{
    public static readonly OpenSessionCommand Instance = new();
}

/// <summary>One write of a session.</summary>
internal sealed record WriteCommand(SessionId Session, SessionSequence Sequence, WriteOperation Operation) : KeyValueCommand;
