using System.Net;
using MultiDc.Wan.Links;

namespace MultiDc.Wan.Tests;

public sealed class WanNetworkTests
{
    private const long Ms = 1_000_000;
    private readonly Inbox inbox = new();
    private readonly WanNetwork network = ThreeDatacenters();

    /// <summary>a, b and c, with 10, 20 and 30 ms to a, b and c from anywhere.</summary>
    internal static WanNetwork ThreeDatacenters() => new(
        [.. new[] { "a", "b", "c" }.Select(static (name, i) => new WanDatacenter(name, IPNetwork.Parse($"10.77.{i + 1}.0/24")))],
        static (_, to) => new() { DelayMs = 10 * (to[0] - 'a' + 1) },
        maxQueuedPackets: 100,
        seed: 1);

    [Fact]
    public void Packets_arrive_where_they_are_addressed_to_when_they_are_due()
    {
        network.Send(0, Packet("10.77.3.9", 1), 0);
        network.Send(0, Packet("10.77.2.1", 2), 0);
        network.Send(2, Packet("10.77.1.1", 3), 5 * Ms);
        Assert.Equal(15 * Ms, network.NextArrival);

        network.DeliverDue(15 * Ms - 1, inbox);
        Assert.Empty(inbox.Packets);
        network.DeliverDue(15 * Ms, inbox);
        Assert.Equal([(0, 3)], inbox.Packets);
        network.DeliverDue(40 * Ms, inbox);
        Assert.Equal([(0, 3), (1, 2), (2, 1)], inbox.Packets);
        Assert.Null(network.NextArrival);
    }

    [Fact]
    public void Packets_that_are_due_together_arrive_in_the_order_in_which_they_were_sent()
    {
        for (byte i = 0; i < 50; i++)
        {
            network.Send(0, Packet("10.77.2.1", i), 0);
        }

        network.DeliverDue(20 * Ms, inbox);
        Assert.Equal(Enumerable.Range(0, 50), inbox.Packets.Select(static p => p.Mark));
    }

    [Fact]
    public void A_cut_direction_leaves_the_other_open()
    {
        network.Links.Single(static l => l is { From: "a", To: "b" }).Change(new() { Cut = true });
        network.Send(0, Packet("10.77.2.1", 1), 0);
        network.Send(1, Packet("10.77.1.1", 2), 0);
        network.Send(0, Packet("10.77.3.1", 3), 0);
        network.DeliverDue(100 * Ms, inbox);
        Assert.Equal([(0, 2), (2, 3)], inbox.Packets);
    }

    [Fact]
    public void What_goes_to_no_other_datacenter_is_dropped_and_counted()
    {
        network.Send(0, Packet("10.77.1.7", 1), 0);
        network.Send(0, Packet("192.0.2.1", 2), 0);
        network.Send(0, [0x60, .. new byte[39]], 0);
        network.Send(0, [0x45], 0);
        Assert.Equal((4, null), (network.StrayPackets, network.NextArrival));
        Assert.All(network.Links, static l => Assert.Equal(default, l.Counters));
    }

    internal static byte[] Packet(string destination, byte mark)
    {
        var packet = new byte[40];
        packet[0] = 0x45;
        IPAddress.Parse(destination).GetAddressBytes().CopyTo(packet, 16);
        packet[^1] = mark;
        return packet;
    }

    private sealed class Inbox : IPacketSink
    {
        public List<(int Datacenter, int Mark)> Packets { get; } = [];

        public void Deliver(int datacenter, ReadOnlySpan<byte> packet) => Packets.Add((datacenter, packet[^1]));
    }
}
