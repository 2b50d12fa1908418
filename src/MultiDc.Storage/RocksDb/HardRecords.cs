using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>Reads records and turns everything that is wrong with one into <see cref="StoreCorruptedException"/>.</summary>
internal static class HardRecords
{
    /// <summary>The record, or null when there is none.</summary>
    public static uint? Read(StoreDatabase database, byte[] key, ReplicaName? replica, Func<byte[], uint> decode) =>
        Get(database, database.Hard, key, replica) is { } bytes ? Decode(database.Hard, key, replica, bytes, decode) : null;

    /// <summary>The record, or null when there is none.</summary>
    public static byte[]? Read(StoreDatabase database, byte[] key, ReplicaName? replica, Func<byte[], byte[]> decode) =>
        Get(database, database.Hard, key, replica) is { } bytes ? Decode(database.Hard, key, replica, bytes, decode) : null;

    /// <summary>The record, which must be there.</summary>
    public static T Require<T>(StoreDatabase database, byte[] key, ReplicaName? replica, Func<byte[], T> decode, ReadOptions? at = null) =>
        Get(database, database.Hard, key, replica, at) is { } bytes
            ? Decode(database.Hard, key, replica, bytes, decode)
            : throw Corrupted(database.Hard, key, replica, "it is missing");

    public static byte[]? Get(
        StoreDatabase database, StoreDatabase.Family family, byte[] key, ReplicaName? replica, ReadOptions? at = null)
    {
        try
        {
            return database.Get(family, key, at);
        }
        catch (RocksDbException exception)
        {
            throw Corrupted(family, key, replica, exception.Message, exception);
        }
    }

    public static T Decode<T>(StoreDatabase.Family family, byte[] key, ReplicaName? replica, byte[] bytes, Func<byte[], T> decode)
    {
        try
        {
            return decode(bytes);
        }
        catch (CodecException exception)
        {
            throw Corrupted(family, key, replica, exception.Message, exception);
        }
    }

    public static StoreCorruptedException Corrupted(
        StoreDatabase.Family family, byte[] key, ReplicaName? replica, string problem, Exception? inner = null) =>
        new(replica, StoreKeys.Describe(family.Name, key), problem, inner);
}
