using System.Text;
using MultiDc.Grains;

namespace MultiDc.Client;

/// <summary>
/// Leases: promises that live on only while they are kept alive, and the keys that go with them. A lease belongs to one shard, which is named by any of its keys; keys with the same <c>{tag}</c> share one.
/// </summary>
public static class MultiDcClientLeaseExtensions
{
    /// <summary>Grants a lease on the shard of the key: see <see cref="GrantLeaseOperation"/>.</summary>
    /// <param name="client">The client.</param>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="key">Any key of the shard, such as the one that will be bound.</param>
    /// <param name="ttl">How long it lives unless renewed.</param>
    /// <param name="timeout">The deadline; null: <see cref="MultiDcClientOptions.DefaultTimeout"/>.</param>
    /// <param name="cancellationToken">Gives up with <see cref="OperationCanceledException"/>: a lease that was granted all the same expires by itself.</param>
    /// <returns><see cref="Applied"/>, of which <see cref="LeaseOf"/> is the lease; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> GrantLeaseAsync(
        this IMultiDcClient client, string keyspace, string key, TimeSpan ttl, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new GrantLeaseOperation(Encoding.UTF8.GetBytes(key), ttl), timeout, cancellationToken);

    /// <summary>The lease that a grant made: the answer of <see cref="GrantLeaseAsync"/>, and of no other write.</summary>
    public static LeaseId LeaseOf(this Applied granted) => new((granted ?? throw new ArgumentNullException(nameof(granted))).Revision.Value);

    /// <summary>Renews leases of the key's shard, in one call and one entry: see <see cref="KeepAliveOperation"/>.</summary>
    /// <returns><see cref="AppliedKeepAlive"/>, which tells those that are no more; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> KeepAliveAsync(
        this IMultiDcClient client, string keyspace, string key, IEnumerable<LeaseId> leases, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new KeepAliveOperation(Encoding.UTF8.GetBytes(key), [.. leases]), timeout, cancellationToken);

    /// <summary>Ends a lease, with the keys bound to it: see <see cref="RevokeLeaseOperation"/>.</summary>
    /// <returns><see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.LeaseNotFound"/>, when it has ended already; or as <see cref="IMultiDcClient.WriteAsync"/>.</returns>
    public static Task<WriteResult> RevokeLeaseAsync(
        this IMultiDcClient client, string keyspace, string key, LeaseId lease, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new RevokeLeaseOperation(Encoding.UTF8.GetBytes(key), lease), timeout, cancellationToken);

    /// <summary>Sets a key, which from then on is bound to the lease and goes with it: see <see cref="PutOperation.Lease"/>.</summary>
    /// <returns>
    /// <see cref="Applied"/>; <see cref="Rejected"/> with <see cref="RejectionReason.LeaseNotFound"/>, or with <see cref="RejectionReason.LimitReached"/> when the lease has <see cref="LeaseLimits.MaxKeysOfLease"/> keys; or as
    /// <see cref="IMultiDcClient.WriteAsync"/>.
    /// </returns>
    public static Task<WriteResult> PutAsync(
        this IMultiDcClient client, string keyspace, string key, string value, LeaseId lease, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).WriteAsync(keyspace, new PutOperation(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value)) { Lease = lease }, timeout, cancellationToken);

    /// <inheritdoc cref="IMultiDcClient.GetLeaseAsync"/>
    public static Task<LeaseReply> GetLeaseAsync(
        this IMultiDcClient client, string keyspace, string key, LeaseId lease, TimeSpan? timeout = null, CancellationToken cancellationToken = default) =>
        Client(client).GetLeaseAsync(keyspace, Encoding.UTF8.GetBytes(key), lease, timeout, cancellationToken);

    private static IMultiDcClient Client(IMultiDcClient client) => client ?? throw new ArgumentNullException(nameof(client));
}
