using System.Text;

namespace MultiDc.Client;

/// <summary>Keys and values as text, in UTF-8.</summary>
public static class MultiDcClientTextExtensions
{
    /// <inheritdoc cref="IMultiDcClient.GetAsync(string, ReadOnlyMemory{byte}, TimeSpan?, CancellationToken)"/>
    public static Task<ReadResult> GetAsync(
        this IMultiDcClient client, string keyspace, string key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).GetAsync(keyspace, Bytes(key), timeout, cancellationToken);

    /// <inheritdoc cref="IMultiDcClient.GetAsync(string, ReadOnlyMemory{byte}, ReadLevel, TimeSpan?, CancellationToken)"/>
    public static Task<ReadResult> GetAsync(
        this IMultiDcClient client, string keyspace, string key, ReadLevel level, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).GetAsync(keyspace, Bytes(key), level, timeout, cancellationToken);

    /// <inheritdoc cref="IMultiDcClient.PutAsync"/>
    public static Task<WriteResult> PutAsync(
        this IMultiDcClient client, string keyspace, string key, string value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).PutAsync(keyspace, Bytes(key), Bytes(value), timeout, cancellationToken);

    /// <inheritdoc cref="IMultiDcClient.DeleteAsync"/>
    public static Task<WriteResult> DeleteAsync(
        this IMultiDcClient client, string keyspace, string key, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).DeleteAsync(keyspace, Bytes(key), timeout, cancellationToken);

    /// <inheritdoc cref="IMultiDcClient.CompareAndSetAsync"/>
    public static Task<WriteResult> CompareAndSetAsync(
        this IMultiDcClient client, string keyspace, string key, string? expected, string value, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).CompareAndSetAsync(keyspace, Bytes(key), expected is null ? (ReadOnlyMemory<byte>?)null : Bytes(expected), Bytes(value), timeout, cancellationToken);

    /// <inheritdoc cref="IMultiDcClient.ScanAsync"/>
    public static IAsyncEnumerable<KeyValueEntry> ScanAsync(
        this IMultiDcClient client, string keyspace, string prefix, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).ScanAsync(keyspace, Bytes(prefix), timeout, cancellationToken);

    /// <summary>Watches one key: its shard's revisions that change it, in order, each once; see <see cref="IMultiDcClient.WatchAsync"/>, also for what it throws.</summary>
    public static IAsyncEnumerable<WatchBatch> WatchKeyAsync(
        this IMultiDcClient client, string keyspace, string key, WatchStart start = default, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WatchAsync(keyspace, WatchFilter.Key(Bytes(key)), start, timeout, cancellationToken);

    /// <summary>
    /// Watches all keys that begin with a prefix: of each shard the revisions that change some, in order, each once; see <see cref="IMultiDcClient.WatchAsync"/>, also for what it throws. All shards are watched, or one if the prefix has a
    /// whole <c>{tag}</c>: see <see cref="WatchFilter.Prefix"/>.
    /// </summary>
    public static IAsyncEnumerable<WatchBatch> WatchPrefixAsync(
        this IMultiDcClient client, string keyspace, string prefix, WatchStart start = default, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WatchAsync(keyspace, WatchFilter.Prefix(Bytes(prefix)), start, timeout, cancellationToken);

    /// <summary>The key as text: UTF-8, with U+FFFD in place of what is none.</summary>
    public static string KeyText(this WatchEvent change) => Encoding.UTF8.GetString((change ?? throw new ArgumentNullException(nameof(change))).Key.Span);

    /// <summary>The value as text: UTF-8, with U+FFFD in place of what is none; null: the key was removed.</summary>
    public static string? ValueText(this WatchEvent change) => (change ?? throw new ArgumentNullException(nameof(change))).Entry is { } entry ? entry.ValueText() : null;

    /// <summary>The value as text: UTF-8, with U+FFFD in place of what is none.</summary>
    public static string ValueText(this KeyValueEntry entry) => Encoding.UTF8.GetString((entry ?? throw new ArgumentNullException(nameof(entry))).Value.Span);

    /// <summary>The key as text: UTF-8, with U+FFFD in place of what is none.</summary>
    public static string KeyText(this KeyValueEntry entry) => Encoding.UTF8.GetString((entry ?? throw new ArgumentNullException(nameof(entry))).Key.Span);

    private static IMultiDcClient Client(IMultiDcClient client) => client ?? throw new ArgumentNullException(nameof(client));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
