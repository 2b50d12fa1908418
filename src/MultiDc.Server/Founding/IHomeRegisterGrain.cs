using MultiDc.Server.Trust;

namespace MultiDc.Server.Founding;

/// <summary>
/// Which store is the home of each replica, agreed on by the whole system: one key per replica in the ring's shard, written once. The same
/// grain, and key, as <see cref="Grains.IRingGrain"/>.
/// </summary>
[Alias("MultiDc.IHomeRegisterGrain")]
internal interface IHomeRegisterGrain : IGrainWithStringKey
{
    /// <summary>Makes the store the replica's home unless another is.</summary>
    /// <exception cref="UnauthorizedAccessException">The caller is no silo of this system.</exception>
    /// <returns>The home; null when it could not be told now.</returns>
    [Alias("Claim")]
    Task<Guid?> ClaimAsync(string replica, Guid storeId, SiloCredential credential);
}
