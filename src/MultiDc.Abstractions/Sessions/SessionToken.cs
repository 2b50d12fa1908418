using System.Collections.Immutable;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using System.Text;

namespace MultiDc;

/// <summary>
/// What a session has seen, as a value: of each shard the highest revision that it read or wrote. Its text goes between processes and datacenters, in a cookie
/// or a header. It is no secret and no proof of anything: whoever changes it only changes how fresh the session's reads must be. Immutable.
/// </summary>
public sealed class SessionToken : IEquatable<SessionToken>
{
    /// <summary>
    /// The most shards whose revisions a token holds. Of more the oldest are forgotten, which the token remembers: what is not in it is then read linearizably.
    /// </summary>
    public const int MaxShards = 64;

    /// <summary>The most characters of a token's text; reached only by names of the greatest length. 64 shards of one keyspace take about 500.</summary>
    public const int MaxTextLength = 8448;

    /// <summary>Nothing seen yet.</summary>
    public static readonly SessionToken Empty = new(ImmutableSortedDictionary<ShardId, Revision>.Empty.WithComparers(ShardOrder.Instance), false);

    private const string Prefix = "s1.";
    private const int ChecksumBytes = sizeof(uint);

    private readonly ImmutableSortedDictionary<ShardId, Revision> seen;

    internal SessionToken(ImmutableSortedDictionary<ShardId, Revision> seen, bool hasForgotten) => (this.seen, HasForgotten) = (seen, hasForgotten);

    /// <summary>The highest revision seen of each shard that is in the token.</summary>
    public IReadOnlyDictionary<ShardId, Revision> Seen => seen;

    /// <summary>Whether more shards were seen than it holds.</summary>
    public bool HasForgotten { get; }

    /// <summary>A token of these revisions.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MaxShards"/>, a shard twice, or a shard or revision that cannot be.</exception>
    public static SessionToken Of(IEnumerable<KeyValuePair<ShardId, Revision>> seen, bool hasForgotten = false)
    {
        var token = new SessionToken(Empty.seen.AddRange(seen), hasForgotten);
        return token.seen.Count <= MaxShards && token.seen.All(static entry => IsValid(entry.Key, entry.Value))
            ? token
            : throw new ArgumentException($"a token holds at most {MaxShards} shards, with valid names and revisions from 1 up", nameof(seen));
    }

    /// <summary>Reads a token's text.</summary>
    /// <exception cref="FormatException">It is no token, was damaged, or is of a later version.</exception>
    public static SessionToken Parse(string text) => TryParse(text, out var token)
        ? token
        : throw new FormatException($"this is no session token that this version reads: it begins with '{Prefix}' and carries a checksum");

    /// <summary>Reads a token's text; false when it is none, was damaged, or is of a later version.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SessionToken? token)
    {
        token = null;
        if (text is null || text.Length > MaxTextLength || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length - Prefix.Length)];
        if (!Base64Url.IsValid(text.AsSpan(Prefix.Length)) || !Base64Url.TryDecodeFromChars(text.AsSpan(Prefix.Length), bytes, out var length) || length <= ChecksumBytes)
        {
            return false;
        }

        var content = bytes.AsSpan(0, length - ChecksumBytes);
        token = XxHash32.Hash(content).AsSpan().SequenceEqual(bytes.AsSpan(length - ChecksumBytes, ChecksumBytes)) ? Read(content) : null;

        // One token has one text.
        if (token?.ToString() != text)
        {
            token = null;
        }

        return token is not null;
    }

    /// <summary>How far a replica of the shard must have got to be no older than what was seen; null: that was forgotten.</summary>
    public Revision? MinimumOf(ShardId shard) => seen.TryGetValue(shard, out var revision) ? revision : HasForgotten ? null : default(Revision);

    /// <summary>The token's text: letters, digits, <c>. - _</c>.</summary>
    public override string ToString()
    {
        using var buffer = new MemoryStream();
        using (var writer = new BinaryWriter(buffer, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(HasForgotten);
            foreach (var keyspace in seen.GroupBy(static entry => entry.Key.Keyspace))
            {
                writer.Write(keyspace.Key);
                writer.Write7BitEncodedInt(keyspace.Count());
                foreach (var (shard, revision) in keyspace)
                {
                    writer.Write7BitEncodedInt(shard.Number);
                    writer.Write7BitEncodedInt64((long)revision.Value);
                }
            }
        }

        buffer.Write(XxHash32.Hash(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)));
        return Prefix + Base64Url.EncodeToString(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    /// <inheritdoc/>
    public bool Equals(SessionToken? other) => other is not null && HasForgotten == other.HasForgotten && seen.SequenceEqual(other.seen);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SessionToken);

    /// <inheritdoc/>
    public override int GetHashCode() => seen.Aggregate(HasForgotten.GetHashCode(), static (hash, entry) => HashCode.Combine(hash, entry.Key, entry.Value));

    private static SessionToken? Read(ReadOnlySpan<byte> content)
    {
        using var reader = new BinaryReader(new MemoryStream(content.ToArray()), Encoding.UTF8);
        try
        {
            var hasForgotten = reader.ReadBoolean();
            var seen = Empty.seen.ToBuilder();
            while (reader.BaseStream.Position < reader.BaseStream.Length)
            {
                var keyspace = reader.ReadString();
                for (var left = reader.Read7BitEncodedInt(); left > 0; left--)
                {
                    var shard = new ShardId(keyspace, reader.Read7BitEncodedInt());
                    var revision = new Revision((ulong)reader.Read7BitEncodedInt64());
                    if (!IsValid(shard, revision) || seen.Count == MaxShards || !seen.TryAdd(shard, revision))
                    {
                        return null;
                    }
                }
            }

            return new(seen.ToImmutable(), hasForgotten);
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException or ArgumentException or IOException)
        {
            return null;
        }
    }

    private static bool IsValid(ShardId shard, Revision revision) =>
        shard.Keyspace is not null && Names.IsGroup(shard.Keyspace) && shard.Number is >= 0 and < Ring.KeyspaceDescriptor.MaxShardCount && revision.Value > 0;

    private sealed class ShardOrder : IComparer<ShardId>
    {
        public static readonly ShardOrder Instance = new();

        public int Compare(ShardId x, ShardId y) => string.CompareOrdinal(x.Keyspace, y.Keyspace) is not 0 and var order ? order : x.Number.CompareTo(y.Number);
    }
}
