using System.Diagnostics;

namespace MultiDc.Linearizability;

/// <summary>
/// The configurations the search has met, each with the move that led to it. A new one is turned away if an older one covers it: same
/// returned and placed operations, same register, and it lets at least the same writes be unseen and has spent at most the same unanswered
/// writes. Whatever completes the new one then completes the older one, so nothing is lost by not looking.
/// </summary>
internal sealed class VisitedConfigurations(ConfigurationLayout layout)
{
    private const int None = -1;

    private readonly int _length = layout.Length;
    private ulong[] _words = new ulong[layout.Length * 64];
    private int[] _next = new int[64];
    private int[] _parents = new int[64];
    private int[] _moves = new int[64];
    private int[] _heads = NewHeads(64);

    public int Count { get; private set; }

    /// <summary>How many fit into one array.</summary>
    public int Limit => Array.MaxLength / _length;

    public ReadOnlySpan<ulong> this[int index] => _words.AsSpan(index * _length, _length);

    public int ParentOf(int index) => _parents[index];

    public int MoveOf(int index) => _moves[index];

    /// <summary>Adds it unless one covers it.</summary>
    public bool TryAdd(ReadOnlySpan<ulong> words, int parent, int move)
    {
        Debug.Assert(Count < Limit, "the search stops at the limit");
        var hash = Hash(words);
        for (var i = _heads[hash & (ulong)(_heads.Length - 1)]; i != None; i = _next[i])
        {
            if (Covers(this[i], words))
            {
                return false;
            }
        }

        if (Count == _next.Length)
        {
            Grow();
        }

        words.CopyTo(_words.AsSpan(Count * _length));
        (_parents[Count], _moves[Count]) = (parent, move);
        Link(Count, hash);
        Count++;
        return true;
    }

    private bool Covers(ReadOnlySpan<ulong> older, ReadOnlySpan<ulong> newer)
    {
        if (!older[..layout.Unseen].SequenceEqual(newer[..layout.Unseen]))
        {
            return false;
        }

        for (var i = layout.Unseen; i < layout.Spent; i++)
        {
            if ((newer[i] & ~older[i]) != 0)
            {
                return false;
            }
        }

        for (var i = layout.Spent; i < _length; i++)
        {
            if ((older[i] & ~newer[i]) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private ulong Hash(ReadOnlySpan<ulong> words)
    {
        var hash = 0UL;
        foreach (var word in words[..layout.Unseen])
        {
            hash = (hash ^ word) * 0x9E3779B97F4A7C15;
            hash ^= hash >> 29;
        }

        return hash ^ (hash >> 32);
    }

    private void Link(int index, ulong hash)
    {
        ref var head = ref _heads[hash & (ulong)(_heads.Length - 1)];
        (_next[index], head) = (head, index);
    }

    private void Grow()
    {
        var capacity = (int)Math.Min(Count * 2L, Limit);
        Array.Resize(ref _words, capacity * _length);
        Array.Resize(ref _next, capacity);
        Array.Resize(ref _parents, capacity);
        Array.Resize(ref _moves, capacity);
        _heads = NewHeads(_heads.Length * 2);
        for (var i = 0; i < Count; i++)
        {
            Link(i, Hash(this[i]));
        }
    }

    private static int[] NewHeads(int count)
    {
        var heads = new int[count];
        Array.Fill(heads, None);
        return heads;
    }
}
