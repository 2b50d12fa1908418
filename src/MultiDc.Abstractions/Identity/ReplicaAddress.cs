using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace MultiDc;

/// <summary>
/// A replica of a shard in a datacenter. Its text is the key of the replica's grain: <c>keyspace/shard@datacenter</c> for the first of the datacenter,
/// <c>keyspace/shard@datacenter#2</c> for the second.
/// </summary>
/// <param name="Shard">The shard.</param>
/// <param name="Datacenter">The datacenter.</param>
/// <param name="Ordinal">Which of the shard's replicas there, see <see cref="ReplicaPlace"/>.</param>
public readonly record struct ReplicaAddress(ShardId Shard, DatacenterId Datacenter, int Ordinal = 1)
{
    /// <summary>Which of the shard's replicas it is.</summary>
    public ReplicaPlace Place => new(Datacenter, Ordinal);

    /// <summary>The shard's replica at a place.</summary>
    public static ReplicaAddress Of(ShardId shard, ReplicaPlace place) => new(shard, place.Datacenter, place.Ordinal);

    /// <summary>Reads the text form; false when it is not one, so that a made-up grain key creates nothing.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out ReplicaAddress address)
    {
        address = default;
        if (text is null)
        {
            return false;
        }

        var slash = text.IndexOf('/');
        var at = text.IndexOf('@');
        var hash = text.IndexOf('#');
        var end = hash < 0 ? text.Length : hash;
        if (slash <= 0 || at <= slash || end <= at || !Names.IsGroup(text[..slash]) || !Names.IsDatacenter(text[(at + 1)..end]))
        {
            return false;
        }

        var ordinal = 1;
        if (!TryParseNumber(text.AsSpan((slash + 1)..at), out var shard)
            || (hash >= 0 && !(TryParseNumber(text.AsSpan((hash + 1)..), out ordinal) && ordinal is > 1 and <= ReplicaPlace.MaxPerDatacenter)))
        {
            return false;
        }

        address = new(new(text[..slash], shard), new(text[(at + 1)..end]), ordinal);
        return true;
    }

    /// <summary>The grain key.</summary>
    public override string ToString() => $"{Shard}@{Place}";

    // Only as it is written: two texts of one replica would be two grains.
    private static bool TryParseNumber(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, null, out number) && (text.Length == 1 || text[0] != '0');
}
