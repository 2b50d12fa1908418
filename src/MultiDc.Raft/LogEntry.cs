namespace MultiDc.Raft;

/// <summary>What an entry means to the core. The numbers are on disk and on the wire.</summary>
public enum EntryKind : byte
{
    /// <summary>A command for the state machine.</summary>
    Command = 0,

    /// <summary>A new group configuration (§4); takes effect when appended.</summary>
    Configuration = 1,

    /// <summary>The empty entry with which a leader opens its term (§6.4).</summary>
    NoOp = 2,

    /// <summary>A command as a witness holds it: the id without the payload. Never applied, never in a full replica's log.</summary>
    WithheldCommand = 3,
}

/// <summary>One entry of the log. Immutable; the payload is never copied nor changed after it was proposed.</summary>
/// <param name="Id">Term and index.</param>
/// <param name="Kind">What the payload is.</param>
/// <param name="Payload">The command's bytes, opaque to the core; empty for <see cref="EntryKind.NoOp"/>.</param>
public sealed record LogEntry(EntryId Id, EntryKind Kind, ReadOnlyMemory<byte> Payload)
{
    /// <summary>The entry's term.</summary>
    public Term Term => Id.Term;

    /// <summary>The entry's index.</summary>
    public LogIndex Index => Id.Index;

    /// <summary>What the entry costs against byte limits: its payload and a fixed allowance for its header.</summary>
    public int SizeBytes => Payload.Length + 32;
}
