using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace MultiDc.Wan.Links;

/// <summary>A datacenter and the addresses in it.</summary>
internal sealed class WanDatacenter
{
    private readonly uint network;
    private readonly uint mask;

    /// <exception cref="ArgumentException">The network is not IPv4.</exception>
    public WanDatacenter(string name, IPNetwork addresses)
    {
        if (addresses.BaseAddress.AddressFamily != AddressFamily.InterNetwork)
        {
            throw new ArgumentException($"{addresses} is not an IPv4 network", nameof(addresses));
        }

        Name = name;
        Addresses = addresses;
        network = BinaryPrimitives.ReadUInt32BigEndian(addresses.BaseAddress.GetAddressBytes());
        mask = addresses.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - addresses.PrefixLength);
    }

    public string Name { get; }

    public IPNetwork Addresses { get; }

    public bool Contains(uint address) => (address & mask) == network;
}
