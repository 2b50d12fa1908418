using System.Numerics;

namespace MultiDc.Linearizability;

/// <summary>In which order the search expands what it has met. Every order decides the same; they differ in the steps they take.</summary>
internal abstract class SearchAgenda
{
    public abstract void Add(int index, ReadOnlySpan<ulong> words);

    public abstract bool TryTake(out int index);
}

/// <summary>Depth first: finds an order, if there is one, in little more steps than operations.</summary>
internal sealed class DepthFirstAgenda : SearchAgenda
{
    private readonly Stack<int> _stack = new();

    public override void Add(int index, ReadOnlySpan<ulong> words) => _stack.Push(index);

    public override bool TryTake(out int index) => _stack.TryPop(out index);
}

/// <summary>
/// What has returned the least first, then what covers most. A configuration is thus mostly met after those that cover it, which makes it
/// the faster order to rule everything out.
/// </summary>
internal sealed class TimeOrderAgenda(ConfigurationLayout layout) : SearchAgenda
{
    private readonly PriorityQueue<int, (int Returned, int Placed, int Spent, int Visible, int Index)> _queue = new();

    public override void Add(int index, ReadOnlySpan<ulong> words)
    {
        var placed = Count(words[ConfigurationLayout.Placed..layout.Unseen]);
        var unseen = Count(words[layout.Unseen..layout.Spent]);
        var spent = Count(words[layout.Spent..]);
        _queue.Enqueue(index, ((int)(words[0] >> 32), placed, spent, -unseen, index));
    }

    public override bool TryTake(out int index) => _queue.TryDequeue(out index, out _);

    private static int Count(ReadOnlySpan<ulong> words)
    {
        var count = 0;
        foreach (var word in words)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }
}
