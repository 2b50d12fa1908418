using System.Runtime.InteropServices;

namespace MultiDc.Server.Watching;

/// <summary>
/// Whose memory the remembered keys and values are. They are parts of arrays with whatever else came in them: the other entries of a message, or the rest of a batch, of which only a small part was carried
/// out. Where most of an array is remembered of what was added together it is kept, and counted whole with the last change that has a part of it, because it goes when that is forgotten; else the parts are
/// copied, and it can go. The newest revision, which is never forgotten, is added by itself.
/// </summary>
internal sealed partial class ChangeHistory
{
    // So much besides is not worth copying for.
    private const int MaxBesidesBytes = 256;

    // Of each array behind the changes that are being added, how much of it is used, and by how many parts that were not added yet.
    private readonly Dictionary<byte[], Use> uses = new(ReferenceEqualityComparer.Instance);

    private record struct Use(int Bytes, int PartsLeft);

    private long AppendTogether(IReadOnlyList<Change> changes, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            NoteUse(changes[i].Key);
            NoteUse(changes[i].Value.GetValueOrDefault());
        }

        var added = 0L;
        for (var i = from; i < to; i++)
        {
            var change = Hold(changes[i]);
            Append(change);
            added += change.SizeBytes;
        }

        uses.Clear();
        return added;
    }

    private void NoteUse(ReadOnlyMemory<byte> part)
    {
        if (ArrayOf(part) is { } array)
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrAddDefault(uses, array, out _);
            use = new(use.Bytes + part.Length, use.PartsLeft + 1);
        }
    }

    private Change Hold(Change change)
    {
        var held = 0;
        var key = Hold(change.Key, ref held);
        var value = change.Value is { } present ? Hold(present, ref held) : (ReadOnlyMemory<byte>?)null;
        return change with { Key = key, Value = value, HeldBytes = held };
    }

    private ReadOnlyMemory<byte> Hold(ReadOnlyMemory<byte> part, ref int held)
    {
        if (part.IsEmpty)
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        if (ArrayOf(part) is { } array)
        {
            ref var use = ref CollectionsMarshal.GetValueRefOrNullRef(uses, array);
            if (array.Length - use.Bytes <= Math.Max(MaxBesidesBytes, use.Bytes))
            {
                held += --use.PartsLeft == 0 ? array.Length : 0;
                return part;
            }
        }

        held += part.Length;
        return part.ToArray();
    }

    private static byte[]? ArrayOf(ReadOnlyMemory<byte> part) => !part.IsEmpty && MemoryMarshal.TryGetArray(part, out var segment) ? segment.Array : null;
}
