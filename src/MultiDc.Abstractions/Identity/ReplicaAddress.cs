using System.Diagnostics.CodeAnalysis;

namespace MultiDc;

/// <summary>The replica of a shard in a datacenter. Its text, <c>keyspace/shard@datacenter</c>, is the key of the replica's grain.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="Datacenter">The datacenter.</param>
public readonly record struct ReplicaAddress(ShardId Shard, DatacenterId Datacenter)
{
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
        if (slash <= 0 || at <= slash || !Names.IsGroup(text[..slash]) || !Names.IsDatacenter(text[(at + 1)..]))
        {
            return false;
        }

        var number = text.AsSpan((slash + 1)..at);
        if (!int.TryParse(number, System.Globalization.NumberStyles.None, null, out var shard) || (number.Length > 1 && number[0] == '0'))
        {
            return false;
        }

        address = new(new(text[..slash], shard), new(text[(at + 1)..]));
        return true;
    }

    /// <summary>The grain key.</summary>
    public override string ToString() => $"{Shard}@{Datacenter}";
}
