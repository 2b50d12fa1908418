using System.Text;
using MultiDc.Grains;
using MultiDc.Server.StateMachine;

namespace MultiDc.Simulation;

/// <summary>
/// The replicated state as a page of dictionaries, told by its rules and not by the product's code: what the committed log must amount to
/// when each session's write is applied once.
/// </summary>
internal sealed class DumbStateMachine
{
    private readonly Dictionary<(ulong Session, ulong Sequence), ulong> appliedAt = [];
    private readonly Dictionary<ulong, ulong> lastSequence = [];
    private readonly Dictionary<ulong, ulong> lastUse = [];

    /// <summary>By key: the value, and how often it was written since it was created.</summary>
    public SortedDictionary<string, (string Value, ulong Version)> Keys { get; } = new(StringComparer.Ordinal);

    /// <summary>Sessions that were opened and not forgotten.</summary>
    public int SessionCount => lastSequence.Count;

    /// <summary>The index at which the session's write took effect or was refused by its condition; null: it never was.</summary>
    public ulong? DecidedAt(SessionId session, SessionSequence sequence) =>
        appliedAt.TryGetValue((session.Value, sequence.Value), out var index) ? index : null;

    public void Apply(LogEntry entry)
    {
        if (entry.Kind != EntryKind.Command)
        {
            return;
        }

        if (KeyValueCommandCodec.Decode(entry.Payload) is not WriteCommand write)
        {
            Open(entry.Index.Value);
            return;
        }

        if (!lastSequence.TryGetValue(write.Session.Value, out var last) || write.Sequence.Value <= last)
        {
            return;
        }

        lastSequence[write.Session.Value] = write.Sequence.Value;
        lastUse[write.Session.Value] = entry.Index.Value;
        appliedAt[(write.Session.Value, write.Sequence.Value)] = entry.Index.Value;
        Apply(write.Operation);
    }

    // A session too many, and the one that wrote or was opened the longest ago is forgotten.
    private void Open(ulong session)
    {
        lastSequence[session] = 0;
        lastUse[session] = session;
        if (lastUse.Count > KeyValueStateMachine.MaxSessions)
        {
            var oldest = lastUse.MinBy(static use => use.Value).Key;
            lastSequence.Remove(oldest);
            lastUse.Remove(oldest);
        }
    }

    private void Apply(WriteOperation operation)
    {
        var key = Text(operation.Key);
        var isPresent = Keys.TryGetValue(key, out var present);
        switch (operation)
        {
            case PutOperation put:
                Keys[key] = (Text(put.Value), present.Version + 1);
                break;
            case DeleteOperation:
                Keys.Remove(key);
                break;
            case CompareAndSetOperation set when set.Expected is { } expected ? isPresent && present.Value == Text(expected) : !isPresent:
                Keys[key] = (Text(set.Value), present.Version + 1);
                break;
        }
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
