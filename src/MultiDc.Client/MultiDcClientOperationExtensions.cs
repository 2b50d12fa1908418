using System.Text;
using MultiDc.Grains;

namespace MultiDc.Client;

/// <summary>
/// The operations of <see cref="IMultiDcClient.WriteAsync"/> by name, with bytes or with text in UTF-8. Each is one entry of the shard's log and happens once. A guard is a fencing
/// token: see <see cref="Guard"/>.
/// </summary>
public static class MultiDcClientOperationExtensions
{
    /// <summary>Adds to a number without a read before: see <see cref="AddOperation"/>.</summary>
    /// <returns><see cref="AppliedNumber"/> with the sum; <see cref="Rejected"/> with <see cref="RejectionReason.NotAnInteger"/> or <see cref="RejectionReason.OutOfRange"/> and nothing changed; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> AddAsync(
        this IMultiDcClient client, string keyspace, ReadOnlyMemory<byte> key, long delta, Guard? guard = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new AddOperation(key, delta) { Guard = guard }, timeout, cancellationToken);

    /// <inheritdoc cref="AddAsync(IMultiDcClient, string, ReadOnlyMemory{byte}, long, Guard?, TimeSpan?, CancellationToken)"/>
    public static Task<WriteResult> AddAsync(
        this IMultiDcClient client, string keyspace, string key, long delta, Guard? guard = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        client.AddAsync(keyspace, Bytes(key), delta, guard, timeout, cancellationToken);

    /// <summary>Appends to a value without a read before: see <see cref="AppendOperation"/>.</summary>
    /// <returns><see cref="AppliedNumber"/> with the new length in bytes; <see cref="Rejected"/> with <see cref="RejectionReason.OutOfRange"/> and nothing changed; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> AppendAsync(
        this IMultiDcClient client, string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, Guard? guard = null, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new AppendOperation(key, value) { Guard = guard }, timeout, cancellationToken);

    /// <inheritdoc cref="AppendAsync(IMultiDcClient, string, ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, Guard?, TimeSpan?, CancellationToken)"/>
    public static Task<WriteResult> AppendAsync(
        this IMultiDcClient client, string keyspace, string key, string value, Guard? guard = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        client.AppendAsync(keyspace, Bytes(key), Bytes(value), guard, timeout, cancellationToken);

    /// <summary>Raises a number to at least this one: see <see cref="MaxOperation"/>.</summary>
    /// <returns><see cref="AppliedNumber"/> with the number that the key has now; <see cref="Rejected"/> with <see cref="RejectionReason.NotAnInteger"/> and nothing changed; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> MaxAsync(
        this IMultiDcClient client, string keyspace, ReadOnlyMemory<byte> key, long number, Guard? guard = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new MaxOperation(key, number) { Guard = guard }, timeout, cancellationToken);

    /// <inheritdoc cref="MaxAsync(IMultiDcClient, string, ReadOnlyMemory{byte}, long, Guard?, TimeSpan?, CancellationToken)"/>
    public static Task<WriteResult> MaxAsync(
        this IMultiDcClient client, string keyspace, string key, long number, Guard? guard = null, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        client.MaxAsync(keyspace, Bytes(key), number, guard, timeout, cancellationToken);

    /// <summary>Several operations of one shard as one, with a condition: see <see cref="BatchOperation"/>, <see cref="When"/> and <see cref="Do"/>.</summary>
    /// <returns><see cref="AppliedBatch"/>, which tells the branch and its results; <see cref="Rejected"/> and nothing changed; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> BatchAsync(
        this IMultiDcClient client, string keyspace, IEnumerable<Compare>? conditions, IEnumerable<WriteOperation>? then, IEnumerable<WriteOperation>? otherwise = null, Guard? guard = null,
        TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, BatchOperation.Of(conditions, then, otherwise) with { Guard = guard }, timeout, cancellationToken);

    /// <summary>Sets a key, unless the guard is stale.</summary>
    /// <returns>
    /// <see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.FencingTokenStale"/>, or with <see cref="RejectionReason.LimitReached"/> when the shard remembers too many names of guards; or as
    /// <see cref="IMultiDcClient.WriteAsync"/>.
    /// </returns>
    public static Task<WriteResult> PutAsync(
        this IMultiDcClient client, string keyspace, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, Guard guard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new PutOperation(key, value) { Guard = guard }, timeout, cancellationToken);

    /// <inheritdoc cref="PutAsync(IMultiDcClient, string, ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, Guard, TimeSpan?, CancellationToken)"/>
    public static Task<WriteResult> PutAsync(
        this IMultiDcClient client, string keyspace, string key, string value, Guard guard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        client.PutAsync(keyspace, Bytes(key), Bytes(value), guard, timeout, cancellationToken);

    /// <summary>Removes a key, unless the guard is stale; applied also when there is none.</summary>
    /// <returns>As <see cref="PutAsync(IMultiDcClient, string, ReadOnlyMemory{byte}, ReadOnlyMemory{byte}, Guard, TimeSpan?, CancellationToken)"/>.</returns>
    public static Task<WriteResult> DeleteAsync(
        this IMultiDcClient client, string keyspace, ReadOnlyMemory<byte> key, Guard guard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new DeleteOperation(key) { Guard = guard }, timeout, cancellationToken);

    /// <inheritdoc cref="DeleteAsync(IMultiDcClient, string, ReadOnlyMemory{byte}, Guard, TimeSpan?, CancellationToken)"/>
    public static Task<WriteResult> DeleteAsync(
        this IMultiDcClient client, string keyspace, string key, Guard guard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        client.DeleteAsync(keyspace, Bytes(key), guard, timeout, cancellationToken);

    /// <summary>Makes the shard of a key forget a guard's name, for which nobody writes any more: see <see cref="ForgetGuardOperation"/>.</summary>
    /// <returns><see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.FencingTokenStale"/>, when a later holder has written, and nothing forgotten; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> ForgetGuardAsync(
        this IMultiDcClient client, string keyspace, string key, Guard guard, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new ForgetGuardOperation(Bytes(key)) { Guard = guard }, timeout, cancellationToken);

    private static IMultiDcClient Client(IMultiDcClient client) => client ?? throw new ArgumentNullException(nameof(client));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
