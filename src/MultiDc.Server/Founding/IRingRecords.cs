namespace MultiDc.Server.Founding;

/// <summary>Small records in the ring's shard, agreed on by the whole system.</summary>
internal interface IRingRecords
{
    /// <summary>Reads linearizably.</summary>
    /// <exception cref="RingUnavailableException">The ring's shard does not answer now.</exception>
    Task<ReadOnlyMemory<byte>?> GetAsync(string key);

    /// <summary>Writes a record if it is still as <paramref name="expected"/>; null: absent.</summary>
    /// <param name="key">The record.</param>
    /// <param name="expected">What it must be before.</param>
    /// <param name="value">What it is made.</param>
    /// <param name="unchanged">Other records that must be as they were read, at the same moment.</param>
    /// <returns>Whether it was written. False may also mean that nobody knows: look again.</returns>
    Task<bool> TryReplaceAsync(
        string key, ReadOnlyMemory<byte>? expected, ReadOnlyMemory<byte> value, IReadOnlyCollection<KeyValuePair<string, ReadOnlyMemory<byte>?>>? unchanged = null);
}

/// <summary>The ring's shard does not answer now.</summary>
internal sealed class RingUnavailableException(string message) : Exception(message);
