namespace MultiDc;

/// <summary>
/// A client's session with one shard, opened through the shard's log, so that its number is the index of the entry that opened it and is
/// never used twice (Ongaro's dissertation §6.3). A session has one write under way at a time.
/// </summary>
/// <param name="Value">The log index of the opening entry; zero: none.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.SessionId")]
public readonly record struct SessionId([property: Id(0)] ulong Value);

/// <summary>Numbers the writes of a session from 1 up. A retry carries the number of the write it repeats and so applies once.</summary>
/// <param name="Value">The number.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.SessionSequence")]
public readonly record struct SessionSequence([property: Id(0)] ulong Value);
