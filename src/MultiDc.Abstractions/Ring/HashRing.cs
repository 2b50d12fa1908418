using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace MultiDc.Ring;

/// <summary>
/// Consistent hashing (Karger et al. 1997): each member owns the arcs that end at its tokens. Adding or removing a member moves only the
/// arcs next to its own tokens. Pure and immutable: the same members give the same ring on every silo, whatever their order.
/// </summary>
public sealed class HashRing
{
    /// <summary>Tokens of a member of weight 1: with 128, the loads of equal members differ by about 10 %.</summary>
    public const int TokensPerWeight = 128;

    private readonly ulong[] tokens;
    private readonly string[] owners;

    /// <summary>A ring of these members.</summary>
    /// <param name="members">Distinct names with weights from 1 up; may be empty.</param>
    public HashRing(IEnumerable<(string Name, int Weight)> members)
    {
        var placed = new List<(ulong Token, string Owner)>();
        foreach (var (name, weight) in members)
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(weight);
            for (var i = 0; i < weight * TokensPerWeight; i++)
            {
                placed.Add((TokenOf(name, i), name));
            }
        }

        // Equal tokens of two members are settled by name, so that every silo builds the same ring.
        placed.Sort(static (a, b) => a.Token != b.Token ? a.Token.CompareTo(b.Token) : string.CompareOrdinal(a.Owner, b.Owner));
        tokens = [.. placed.Select(static p => p.Token)];
        owners = [.. placed.Select(static p => p.Owner)];
    }

    /// <summary>Where a text falls on the ring.</summary>
    public static ulong HashOf(string text) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text));

    /// <summary>The member that owns the point; null when the ring is empty.</summary>
    public string? OwnerOf(ulong point) => tokens.Length == 0 ? null : owners[IndexOf(point)];

    /// <summary>All members in the order in which they would own the point if those before them were gone.</summary>
    public IReadOnlyList<string> OwnersFrom(ulong point)
    {
        if (tokens.Length == 0)
        {
            return [];
        }

        var index = IndexOf(point);
        return [.. owners.Skip(index).Concat(owners.Take(index)).Distinct()];
    }

    private int IndexOf(ulong point)
    {
        var index = Array.BinarySearch(tokens, point);
        if (index < 0)
        {
            index = ~index;
        }
        else
        {
            while (index > 0 && tokens[index - 1] == point)
            {
                index--;
            }
        }

        return index == tokens.Length ? 0 : index;
    }

    private static ulong TokenOf(string name, int number)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(name) + sizeof(int)];
        var length = Encoding.UTF8.GetBytes(name, bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(length), number);
        return XxHash64.HashToUInt64(bytes);
    }
}
