using System.Buffers.Binary;

namespace MultiDc.Benchmarks.Workloads;

/// <summary>Payloads, keys and values: random, so that compression gains nothing; the same in every run.</summary>
internal static class Bytes
{
    public static byte[] Payload(int length)
    {
        var payload = new byte[length];
        new Random(length).NextBytes(payload);
        return payload;
    }

    /// <summary>The key of a row: 20 bytes, neighbours far apart.</summary>
    public static byte[] Key(long row)
    {
        var key = new byte[20];
        BinaryPrimitives.WriteUInt64BigEndian(key, unchecked((ulong)row * 0x9E3779B97F4A7C15));
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(12), row);
        return key;
    }

    /// <summary>The value of a row.</summary>
    public static byte[] Value(long row, int length)
    {
        var value = new byte[length];
        new Random(unchecked((int)row)).NextBytes(value);
        return value;
    }
}
