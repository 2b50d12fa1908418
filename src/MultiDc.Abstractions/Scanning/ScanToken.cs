using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.IO.Hashing;
using System.Text;

namespace MultiDc;

/// <summary>
/// How far a scan has come: everything up to a key was told. As a scan is in key order over all shards, that is all there is to know, and the token is as small with many shards as
/// with one. Its text goes between processes and datacenters, in an address or a header. It is no secret and no proof of anything: it holds the last key. Immutable.
/// </summary>
public sealed class ScanToken : IEquatable<ScanToken>
{
    /// <summary>The most characters of a token's text; reached only by names and keys of the greatest length.</summary>
    public const int MaxTextLength = 1536;

    private const string Marker = "c1.";
    private const int ChecksumBytes = sizeof(uint);

    private ScanToken(string group, int prefixBytes, ReadOnlyMemory<byte> last) => (Group, Prefix, Last) = (group, last[..prefixBytes], last);

    /// <summary>What the keyspace's shards are named after: <see cref="Ring.KeyspaceDescriptor.Group"/>. A keyspace of the same name that is created after it was dropped has another.</summary>
    public string Group { get; }

    /// <summary>What the keys of the scan begin with; empty: all.</summary>
    public ReadOnlyMemory<byte> Prefix { get; }

    /// <summary>The last key that was told. The scan goes on with the next greater one, whether or not this is still there.</summary>
    public ReadOnlyMemory<byte> Last { get; }

    /// <summary>The token of a scan that has come to a key.</summary>
    /// <exception cref="ArgumentException">The group is no name of shards, or the key is none that begins with the prefix.</exception>
    public static ScanToken Of(string group, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> last) =>
        Names.IsGroup(group) && KeyLimits.DescribeKeyProblem(last.Span) is null && last.Span.StartsWith(prefix.Span)
            ? new(group, prefix.Length, last.ToArray())
            : throw new ArgumentException($"no scan of '{group}' is there", nameof(last));

    /// <summary>Reads a token's text.</summary>
    /// <exception cref="FormatException">It is no token, was changed, or is of a later version.</exception>
    public static ScanToken Parse(string text) => TryParse(text, out var token)
        ? token
        : throw new FormatException($"this is no scan token that this version reads, or it was changed: it begins with '{Marker}' and carries a checksum");

    /// <summary>Reads a token's text; false when it is none, was changed, or is of a later version.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out ScanToken? token)
    {
        token = null;
        if (text is null || text.Length > MaxTextLength || !text.StartsWith(Marker, StringComparison.Ordinal) || !Base64Url.IsValid(text.AsSpan(Marker.Length)))
        {
            return false;
        }

        var bytes = Base64Url.DecodeFromChars(text.AsSpan(Marker.Length));
        if (bytes.Length <= ChecksumBytes || !XxHash32.Hash(bytes.AsSpan(0, bytes.Length - ChecksumBytes)).AsSpan().SequenceEqual(bytes.AsSpan(bytes.Length - ChecksumBytes)))
        {
            return false;
        }

        // One token has one text.
        token = Read(bytes[..^ChecksumBytes]);
        token = token?.ToString() == text ? token : null;
        return token is not null;
    }

    /// <summary>The token's text: letters, digits, <c>. - _</c>.</summary>
    public override string ToString()
    {
        using var buffer = new MemoryStream();
        using (var writer = new BinaryWriter(buffer, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Group);
            writer.Write7BitEncodedInt(Prefix.Length);
            writer.Write(Last.Span);
        }

        buffer.Write(XxHash32.Hash(buffer.GetBuffer().AsSpan(0, (int)buffer.Length)));
        return Marker + Base64Url.EncodeToString(buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    /// <inheritdoc/>
    public bool Equals(ScanToken? other) => other is not null && Group == other.Group && Prefix.Length == other.Prefix.Length && Last.Span.SequenceEqual(other.Last.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ScanToken);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Group, Prefix.Length, Ring.HashRange.HashOf(Last.Span));

    private static ScanToken? Read(byte[] content)
    {
        using var reader = new BinaryReader(new MemoryStream(content), Encoding.UTF8);
        try
        {
            var group = reader.ReadString();
            var prefixBytes = reader.Read7BitEncodedInt();
            var last = content.AsMemory((int)reader.BaseStream.Position);
            return Names.IsGroup(group) && KeyLimits.DescribeKeyProblem(last.Span) is null && prefixBytes >= 0 && prefixBytes <= last.Length ? new(group, prefixBytes, last) : null;
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException or ArgumentException or IOException)
        {
            return null;
        }
    }
}
