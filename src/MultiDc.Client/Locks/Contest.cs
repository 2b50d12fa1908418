using System.Collections.Immutable;
using System.Text;
using MultiDc.Ring;

namespace MultiDc.Client.Locks;

/// <summary>What one holder has at a time: a key that is bound to its lease, and the name of the guard that its holders write with.</summary>
internal readonly record struct Place(string Key, string GuardName);

/// <summary>What is contended for: the one place of a lock, or any of the places of a semaphore. All of it lies in one shard.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Name">The name of the lock or semaphore.</param>
/// <param name="Places">The places.</param>
/// <param name="CapacityKey">Of a semaphore: the key that says how many places it has, on which all must agree.</param>
/// <param name="Releases">What to watch for places that become free.</param>
internal sealed record Contest(string Keyspace, string Name, ImmutableArray<Place> Places, string? CapacityKey, WatchFilter Releases)
{
    public static Contest OfLock(string keyspace, string name)
    {
        var key = MultiDcLocks.KeyOf(name);
        return new(keyspace, name, [new(key, name)], null, WatchFilter.Key(Encoding.UTF8.GetBytes(key)));
    }

    public static Contest OfSemaphore(string keyspace, string name, int places)
    {
        // The guard of a place is named like its key, so that no lock's has the same name.
        var key = MultiDcLocks.SemaphoreKeyOf(name);
        return new(
            keyspace, name, [.. Enumerable.Range(0, places).Select(number => new Place($"{key}/{number}", $"{key}/{number}"))], key, WatchFilter.Prefix(Encoding.UTF8.GetBytes($"{key}/")));
    }

    /// <summary>How many places the semaphore has, as its key says it.</summary>
    public string Capacity => Places.Length.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A key for a name, in the shard of the name's tag or else of the whole name.</summary>
    public static string KeyOf(string prefix, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var bytes = Encoding.UTF8.GetBytes(name);
        return HashRange.PartitionOf(bytes).Length < bytes.Length ? $"{prefix}/{name}" : $"{prefix}/{{{name}}}";
    }
}
