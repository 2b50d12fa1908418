using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.StateMachine;

namespace MultiDc.Comparison.Servers.Raft;

/// <summary>The state machine: keys and values in memory, with a snapshot from time to time, behind which the log is cut off.</summary>
/// <param name="folder">Where snapshots go.</param>
/// <param name="snapshotAfter">Entries.</param>
internal sealed class EntryStore(DirectoryInfo folder, long snapshotAfter) : SimpleStateMachine(folder)
{
    private readonly ConcurrentDictionary<byte[], byte[]> entries = new(ByteArrayComparer.Instance);

    public byte[]? Get(ReadOnlySpan<byte> key) => entries.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out var value) ? value : null;

    protected override ValueTask<bool> ApplyAsync(LogEntry entry, CancellationToken token)
    {
        // A new leader's own entry is empty.
        if (entry is { IsConfiguration: false, Length: not 0 } && entry.TryGetPayload(out var payload))
        {
            var (key, value) = EntryCommand.Decode(payload);
            entries[key] = value;
        }

        return new(entry.Index % snapshotAfter == 0);
    }

    // No entry is applied until it has ended.
    protected override async ValueTask PersistAsync(IAsyncBinaryWriter writer, CancellationToken token)
    {
        using var buffer = new MemoryStream();
        using (var output = new BinaryWriter(buffer))
        {
            foreach (var (key, value) in entries)
            {
                output.Write(key.Length);
                output.Write(value.Length);
                output.Write(key);
                output.Write(value);
            }

            output.Flush();
            await writer.Invoke(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), token).ConfigureAwait(false);
        }
    }

    protected override ValueTask RestoreAsync(FileInfo snapshotFile, CancellationToken token)
    {
        entries.Clear();
        using var input = new BinaryReader(snapshotFile.OpenRead());
        while (input.BaseStream.Position < input.BaseStream.Length)
        {
            var (keyBytes, valueBytes) = (input.ReadInt32(), input.ReadInt32());
            entries[input.ReadBytes(keyBytes)] = input.ReadBytes(valueBytes);
        }

        return ValueTask.CompletedTask;
    }

    private sealed class ByteArrayComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly ByteArrayComparer Instance = new();

        public bool Equals(byte[]? one, byte[]? other) => one.AsSpan().SequenceEqual(other);

        public int GetHashCode([DisallowNull] byte[] key) => GetHashCode(key.AsSpan());

        public bool Equals(ReadOnlySpan<byte> one, byte[] other) => one.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> key)
        {
            var hash = default(HashCode);
            hash.AddBytes(key);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> key) => key.ToArray();
    }
}
