using MultiDc.Grains;
using MultiDc.Storage;

namespace MultiDc.Server.StateMachine;

/// <summary>Reads entries out of the rows; when it is fresh to do so is the pump's business.</summary>
internal static class KeyValueReader
{
    // A page holds the pump up while it is read, so it is kept small.
    private const int MaxPageBytes = 256 * 1024;

    /// <summary>The most entries of a page.</summary>
    public const int MaxPageEntries = 1000;

    public static async ValueTask<KeyValueEntry?> GetAsync(IReplicaState state, ReadOnlyMemory<byte> key) =>
        await state.GetAsync(StateRows.EntryKey(key.Span)) is { } row ? StateRows.DecodeEntry(key, row) : null;

    public static async ValueTask<ScanReply> ScanAsync(IReplicaState state, ScanRequest request)
    {
        var maxEntries = Math.Clamp(request.MaxEntries, 1, MaxPageEntries);
        var entries = new List<KeyValueEntry>();
        var bytes = 0;
        using var view = state.OpenView();
        await foreach (var row in view.ScanAsync(FirstRow(request), StateRows.AfterPrefix(request.Prefix.Span)))
        {
            if (entries.Count == maxEntries || bytes > MaxPageBytes)
            {
                return new(entries, true, null, new(view.Applied.Value));
            }

            entries.Add(StateRows.DecodeEntry(StateRows.KeyOfEntryRow(row.Key), row.Value));
            bytes += row.Key.Length + row.Value.Length;
        }

        return new(entries, false, null, new(view.Applied.Value));
    }

    private static ReadOnlyMemory<byte> FirstRow(ScanRequest request)
    {
        var prefix = StateRows.EntryKey(request.Prefix.Span);
        if (request.After is not { } after)
        {
            return prefix;
        }

        // The least key greater than "after" is "after" with a zero byte behind it.
        var next = StateRows.EntryKey([.. after.Span, 0]);
        return next.Span.SequenceCompareTo(prefix.Span) < 0 ? prefix : next;
    }
}
