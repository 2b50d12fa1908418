using MultiDc.Server.Watching;

namespace MultiDc.Server.StateMachine;

/// <summary>What entries did to keys, for those who watch: of one entry, what each key was before it and is after it.</summary>
internal sealed partial class KeyValueStateMachine
{
    private readonly List<Change> changes = [];

    // Keys that the entry being applied has written, in the order of their first writes.
    private readonly List<WrittenKey> written = [];

    private readonly record struct WrittenKey(ReadOnlyMemory<byte> Key, EntryHead? Before, EntryHead? After, ReadOnlyMemory<byte> Value);

    /// <summary>How many bytes more, or less, keys and values have than when the rows were loaded last.</summary>
    public long SizeChange { get; private set; }

    /// <summary>How often the rows were loaded.</summary>
    public int Loads { get; private set; }

    /// <summary>What the batch that was applied last has changed, key by key, in order.</summary>
    public IReadOnlyList<Change> Changes => changes;

    private void NoteWritten(ReadOnlyMemory<byte> key, EntryHead? before, EntryHead? after, ReadOnlyMemory<byte> value)
    {
        // Only a conditional batch writes a key more than once: to those who watch, it did so once.
        if (batch.Count > 0 && IndexOfWritten(key) is var earlier and >= 0)
        {
            written[earlier] = written[earlier] with { After = after, Value = value };
            return;
        }

        written.Add(new(key, before, after, value));
    }

    private int IndexOfWritten(ReadOnlyMemory<byte> key) => written.FindIndex(one => one.Key.Span.SequenceEqual(key.Span));

    private void TellChanges(Revision revision)
    {
        foreach (var (key, before, after, value) in written)
        {
            SizeChange += SizeOf(key, after) - SizeOf(key, before);
            if (before is not null || after is not null)
            {
                changes.Add(new(revision, key, after is null ? (ReadOnlyMemory<byte>?)null : value, after?.CreateRevision ?? default, after?.Version ?? 0, before?.ModifyRevision, after?.Lease ?? default));
            }
        }

        written.Clear();
    }

    private static long SizeOf(ReadOnlyMemory<byte> key, EntryHead? entry) => entry is { } present ? key.Length + present.ValueBytes : 0;
}
