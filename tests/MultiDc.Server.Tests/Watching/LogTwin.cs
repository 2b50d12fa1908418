using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Watching;

/// <summary>What a watch of everything must have told, worked out from the log on a disk by rules written down once more: sessions, puts and deletes.</summary>
internal static class LogTwin
{
    public static async Task<IReadOnlyList<(ulong Revision, string Change)>> ReadAsync(MemoryDisk disk, ReplicaAddress replica)
    {
        await using var store = new MemoryReplicaStore(disk);
        await using var storage = await store.OpenAsync(new(replica.ToString()), null) ?? throw new InvalidOperationException($"{replica} is not on the disk");
        Assert.Equal(LogIndex.Zero, storage.Recovered.Snapshot.LastIncluded.Index);
        var changes = new List<(ulong, string)>();
        var sessions = new Dictionary<SessionId, ulong>();
        var entries = new Dictionary<string, (ulong Version, ulong Revision)>();
        foreach (var entry in storage.Recovered.Entries.Where(static e => e.Kind == EntryKind.Command))
        {
            var index = entry.Index.Value;
            if (KeyValueCommandCodec.Decode(entry.Payload) is not WriteCommand write)
            {
                sessions.Add(new(index), 0);
                continue;
            }

            if (write.Sequence.Value <= sessions[write.Session])
            {
                continue;
            }

            sessions[write.Session] = write.Sequence.Value;
            var key = Text(write.Operation.Key);
            var before = entries.GetValueOrDefault(key);
            var value = write.Operation is PutOperation put ? Text(put.Value) : null;
            if (value is not null || before.Version > 0)
            {
                changes.Add((index, Describe(key, value, before.Version + 1, before.Version > 0 ? before.Revision : null)));
            }

            entries[key] = value is null ? default : (before.Version + 1, index);
        }

        return changes;
    }

    public static string Describe(WatchEvent change) =>
        Describe(Text(change.Key), change.Entry is { } entry ? Text(entry.Value) : null, change.Entry?.Version ?? 0, change.PreviousRevision?.Value);

    private static string Describe(string key, string? value, ulong version, ulong? previous) => $"{key}={(value is null ? "gone" : $"{value}/{version}")} after {previous}";

    private static string Text(ReadOnlyMemory<byte> bytes) => System.Text.Encoding.UTF8.GetString(bytes.Span);
}
