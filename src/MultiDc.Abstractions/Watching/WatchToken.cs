using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace MultiDc;

/// <summary>
/// How far a watch has come: up to which revision everything was told, of each shard that it watches. Immutable. Its text,
/// <c>w1:keyspace:shards:shard=revision,…:check</c>, may be stored and given to another process in another datacenter.
/// </summary>
public sealed class WatchToken : IEquatable<WatchToken>
{
    private const string Format = "w1";

    private readonly int first;
    private readonly ImmutableList<Revision> revisions;

    private WatchToken(string keyspace, int shardCount, int first, ImmutableList<Revision> revisions) =>
        (Keyspace, ShardCount, this.first, this.revisions) = (keyspace, shardCount, first, revisions);

    /// <summary>What the keyspace's shards are named after: <see cref="Ring.KeyspaceDescriptor.Group"/>.</summary>
    public string Keyspace { get; }

    /// <summary>How many shards the keyspace has.</summary>
    public int ShardCount { get; }

    /// <summary>Whether every shard of the keyspace is watched, and not only that of one key.</summary>
    public bool IsOfAllShards => revisions.Count == ShardCount;

    /// <summary>The shards that are watched, by number.</summary>
    public IEnumerable<int> Shards => Enumerable.Range(first, revisions.Count);

    /// <summary>Where a watch of one key, or of one tag, begins: after a revision of its shard. Nothing is checked here; a token that does not fit its keyspace is refused by the watch.</summary>
    public static WatchToken OfShard(string keyspace, int shardCount, int shard, Revision revision) => new(keyspace, shardCount, shard, [revision]);

    /// <summary>Where a watch of all shards begins: after a revision of each, by number.</summary>
    public static WatchToken OfAllShards(string keyspace, IEnumerable<Revision> revisions)
    {
        var all = revisions.ToImmutableList();
        return new(keyspace, all.Count, 0, all);
    }

    /// <summary>Everything up to this was told of the shard; null: the shard is not watched.</summary>
    public Revision? RevisionOf(int shard) => shard >= first && shard - first < revisions.Count ? revisions[shard - first] : null;

    /// <summary>The token with which a watch goes on after this revision of one of its shards.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The shard is not watched.</exception>
    public WatchToken With(int shard, Revision revision) => RevisionOf(shard) is null
        ? throw new ArgumentOutOfRangeException(nameof(shard), shard, "the shard is not watched")
        : new(Keyspace, ShardCount, first, revisions.SetItem(shard - first, revision));

    /// <summary>Reads the text form.</summary>
    /// <exception cref="FormatException">It is none, or one of a later version, or was changed.</exception>
    public static WatchToken Parse(string text) => TryParse(text, out var token) ? token : throw new FormatException($"'{text}' is no watch token of this version ({Format}), or it was changed");

    /// <summary>Reads the text form; false when it is none, or one of a later version, or was changed.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out WatchToken? token)
    {
        token = null;
        if (text?.Split(':') is not [Format, var keyspace, var count, var shards, var check]
            || check != CheckOf(text.AsSpan(0, text.Length - check.Length - 1))
            || !Names.IsGroup(keyspace)
            || !TryParseNumber(count, out var shardCount)
            || shardCount is 0 or > Ring.KeyspaceDescriptor.MaxShardCount)
        {
            return false;
        }

        var revisions = ImmutableList.CreateBuilder<Revision>();
        var first = -1;
        foreach (var pair in shards.Split(','))
        {
            if (pair.Split('=') is not [var number, var revision]
                || !TryParseNumber(number, out var shard)
                || shard >= (ulong)shardCount
                || !TryParseNumber(revision, out var value)
                || (first >= 0 && shard != (ulong)(first + revisions.Count)))
            {
                return false;
            }

            first = first < 0 ? (int)shard : first;
            revisions.Add(new(value));
        }

        token = revisions.Count == 1 || revisions.Count == (int)shardCount ? new(keyspace, (int)shardCount, first, revisions.ToImmutable()) : null;
        return token is not null;
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = $"{Format}:{Keyspace}:{ShardCount}:{string.Join(',', revisions.Select((revision, i) => $"{first + i}={revision}"))}";
        return $"{text}:{CheckOf(text)}";
    }

    /// <inheritdoc/>
    public bool Equals(WatchToken? other) => other is not null && Keyspace == other.Keyspace && ShardCount == other.ShardCount && first == other.first
        && (ReferenceEquals(revisions, other.revisions) || revisions.SequenceEqual(other.revisions));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as WatchToken);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Keyspace, ShardCount, first, revisions[^1]);

    // A digit that was lost would skip changes in silence.
    private static string CheckOf(ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return Crc32.HashToUInt32(bytes).ToString("x8", CultureInfo.InvariantCulture);
    }

    private static bool TryParseNumber(string text, out ulong number) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
