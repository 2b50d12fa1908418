using System.Text;
using MultiDc.Raft;

namespace MultiDc.Host.Bench;

/// <summary>Keys and values, made beforehand so that making them takes no part of what is measured.</summary>
internal sealed class BenchData
{
    /// <summary>What all keys begin with.</summary>
    public const string Prefix = "bench/";

    /// <summary>The same in bytes.</summary>
    public static readonly ReadOnlyMemory<byte> PrefixBytes = Encoding.ASCII.GetBytes(Prefix);

    private const int SpareBytes = 64 * 1024;

    private readonly byte[][] keys;
    private readonly byte[] noise;
    private readonly int valueBytes;

    public BenchData(int keys, int valueBytes, ulong seed)
    {
        this.keys = [.. Enumerable.Range(0, keys).Select(static number => Encoding.ASCII.GetBytes($"{Prefix}{number:0000000000}"))];
        this.valueBytes = valueBytes;
        noise = new byte[valueBytes + SpareBytes];
        var random = new SeededRandomSource(seed);
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] = (byte)random.Next(0, 256);
        }
    }

    public ReadOnlyMemory<byte> Key(int number) => keys[number];

    /// <summary>A key that is not among those that are loaded, the <paramref name="count"/>th of a client.</summary>
    public static ReadOnlyMemory<byte> NewKey(int client, long count) => Encoding.ASCII.GetBytes($"{Prefix}{client:000000}-{count:0000000000}");

    /// <summary>Any part of what does not compress.</summary>
    public ReadOnlyMemory<byte> Value(IRandomSource random) => noise.AsMemory(random.Next(0, SpareBytes), valueBytes);
}
