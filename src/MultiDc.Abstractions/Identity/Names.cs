namespace MultiDc;

/// <summary>Which names are valid. Names stand in grain keys, folders and metrics, so they are plain.</summary>
public static class Names
{
    /// <summary>The longest keyspace or datacenter name, in characters.</summary>
    public const int MaxLength = 63;

    /// <summary>What a valid name looks like, in words for an error message.</summary>
    public const string Rule = "1 to 63 characters of a-z, 0-9, '-' (keyspaces also '.'), beginning with a letter";

    /// <summary>Whether a keyspace may have this name. Names that begin with <c>multidc.</c> are the system's own.</summary>
    public static bool IsKeyspace(string name) => IsName(name, allowDot: true);

    /// <summary>Between the name of a keyspace and its incarnation in the names of its shards; no keyspace's name has it.</summary>
    public const char IncarnationMark = '~';

    /// <summary>Whether shards may be named after this: a keyspace, or a keyspace with its incarnation.</summary>
    public static bool IsGroup(string name)
    {
        var mark = name.IndexOf(IncarnationMark, StringComparison.Ordinal);
        return mark < 0 ? IsKeyspace(name) : IsKeyspace(name[..mark]) && IncarnationOf(name) > 0;
    }

    /// <summary>The name of the keyspace that shards are named after.</summary>
    public static string KeyspaceOf(string group) => group.IndexOf(IncarnationMark, StringComparison.Ordinal) is >= 0 and var mark ? group[..mark] : group;

    /// <summary>The incarnation in the name that shards are named after; zero when there is none.</summary>
    public static ulong IncarnationOf(string group) =>
        group.IndexOf(IncarnationMark, StringComparison.Ordinal) is >= 0 and var mark && group.Length > mark + 1 && group[mark + 1] != '0'
        && ulong.TryParse(group.AsSpan(mark + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var incarnation) ? incarnation : 0;

    /// <summary>Whether a datacenter may have this name.</summary>
    public static bool IsDatacenter(string name) => IsName(name, allowDot: false);

    /// <summary>Whether the keyspace is one of the system's own, which users may not create or write.</summary>
    public static bool IsSystemKeyspace(string name) => name.StartsWith("multidc.", StringComparison.Ordinal);

    private static bool IsName(string name, bool allowDot)
    {
        if (name.Length is 0 or > MaxLength || !char.IsAsciiLetterLower(name[0]))
        {
            return false;
        }

        foreach (var c in name)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-' && !(allowDot && c == '.'))
            {
                return false;
            }
        }

        return true;
    }
}
