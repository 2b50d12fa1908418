using System.Runtime.InteropServices;

namespace MultiDc.Server.Watching;

/// <summary>
/// Whose memory the remembered keys and values are. They are parts of arrays with whatever else came in them: the rest of a batch, of which only a small part was carried out, or the other entries of
/// a message. An array is kept, and counted whole, once for each revision that has a part of it, where most of it is remembered; else the parts are copied, and it can go.
/// </summary>
internal sealed partial class ChangeHistory
{
    // So much besides is not worth copying for.
    private const int MaxBesidesBytes = 256;

    // Of each array behind the revision that is being added, how much of it is used; nothing once it is counted.
    private readonly Dictionary<byte[], int> used = new(ReferenceEqualityComparer.Instance);

    private long AppendRevision(IReadOnlyList<Change> changes, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            Use(changes[i].Key);
            Use(changes[i].Value.GetValueOrDefault());
        }

        var added = 0L;
        for (var i = from; i < to; i++)
        {
            var held = 0;
            var (key, value) = (Hold(changes[i].Key, ref held), changes[i].Value is { } present ? Hold(present, ref held) : (ReadOnlyMemory<byte>?)null);
            var change = changes[i] with { Key = key, Value = value, HeldBytes = held };
            Append(change);
            added += change.SizeBytes;
        }

        used.Clear();
        return added;
    }

    private void Use(ReadOnlyMemory<byte> part)
    {
        if (MemoryMarshal.TryGetArray(part, out var segment) && segment.Array is { } array)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(used, array, out _) += part.Length;
        }
    }

    private ReadOnlyMemory<byte> Hold(ReadOnlyMemory<byte> part, ref int held)
    {
        if (part.IsEmpty)
        {
            return ReadOnlyMemory<byte>.Empty;
        }

        if (MemoryMarshal.TryGetArray(part, out var segment) && used[segment.Array!] is var ofIt
            && (ofIt == 0 || segment.Array!.Length - ofIt <= Math.Max(MaxBesidesBytes, ofIt)))
        {
            held += ofIt == 0 ? 0 : segment.Array!.Length;
            used[segment.Array!] = 0;
            return part;
        }

        held += part.Length;
        return part.ToArray();
    }
}
