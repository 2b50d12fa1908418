using System.Buffers;
using System.Buffers.Binary;

namespace MultiDc.Wan.Links;

/// <summary>Takes what arrives.</summary>
internal interface IPacketSink
{
    /// <summary>A packet arrives at a datacenter, given by its place in <see cref="WanNetwork.Datacenters"/>. The bytes are lent for the call.</summary>
    void Deliver(int datacenter, ReadOnlySpan<byte> packet);
}

/// <summary>
/// All links between the datacenters and the packets that are under way. Deterministic: time is passed in, and the same packets at the same
/// times meet the same fates under the same seed. One caller at a time.
/// </summary>
internal sealed class WanNetwork
{
    private const int Ipv4HeaderBytes = 20;

    private readonly WanLink[,] links;
    private readonly PriorityQueue<QueuedPacket, (long Arrival, long Order)> underWay = new();
    private long order;

    /// <summary>Builds the links.</summary>
    /// <param name="datacenters">At least two, with networks that do not overlap.</param>
    /// <param name="usualRules">The rules of each direction, by the names of its ends.</param>
    /// <param name="maxQueuedPackets">How many packets may be under way in one direction.</param>
    /// <param name="seed">Decides all chances.</param>
    public WanNetwork(IReadOnlyList<WanDatacenter> datacenters, Func<string, string, LinkRules> usualRules, int maxQueuedPackets, int seed)
    {
        Datacenters = datacenters;
        links = new WanLink[datacenters.Count, datacenters.Count];
        for (var from = 0; from < datacenters.Count; from++)
        {
            for (var to = 0; to < datacenters.Count; to++)
            {
                if (from != to)
                {
                    // A source of its own for each direction: traffic on one changes nothing on another.
                    var random = new Random(HashCode(seed, from, to));
                    var (fromName, toName) = (datacenters[from].Name, datacenters[to].Name);
                    links[from, to] = new(fromName, toName, usualRules(fromName, toName), maxQueuedPackets, random);
                }
            }
        }
    }

    public IReadOnlyList<WanDatacenter> Datacenters { get; }

    /// <summary>All directions, ordered by their ends.</summary>
    public IEnumerable<WanLink> Links => links.Cast<WanLink?>().OfType<WanLink>();

    /// <summary>Packets for no other datacenter, and packets that are not IPv4: dropped.</summary>
    public long StrayPackets { get; private set; }

    /// <summary>When the next packet is due, in nanoseconds; null when none is under way.</summary>
    public long? NextArrival => underWay.TryPeek(out _, out var due) ? due.Arrival : null;

    /// <summary>A packet leaves a datacenter.</summary>
    public void Send(int from, ReadOnlySpan<byte> packet, long now)
    {
        var to = DestinationOf(packet);
        if (to < 0 || to == from)
        {
            StrayPackets++;
            return;
        }

        var link = links[from, to];
        var fate = link.Send(packet.Length, now);
        for (var copy = 0; copy < fate.Copies; copy++)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(packet.Length);
            packet.CopyTo(buffer);
            underWay.Enqueue(new(link, to, buffer, packet.Length), (fate.Arrival, order++));
        }
    }

    /// <summary>Hands over all packets that are due.</summary>
    public void DeliverDue(long now, IPacketSink sink)
    {
        while (underWay.TryPeek(out var packet, out var due) && due.Arrival <= now)
        {
            underWay.Dequeue();
            if (packet.Link.Arrive(packet.Length))
            {
                sink.Deliver(packet.To, packet.Buffer.AsSpan(0, packet.Length));
            }

            ArrayPool<byte>.Shared.Return(packet.Buffer);
        }
    }

    private int DestinationOf(ReadOnlySpan<byte> packet)
    {
        if (packet.Length < Ipv4HeaderBytes || packet[0] >> 4 != 4)
        {
            return -1;
        }

        var address = BinaryPrimitives.ReadUInt32BigEndian(packet[16..]);
        for (var i = 0; i < Datacenters.Count; i++)
        {
            if (Datacenters[i].Contains(address))
            {
                return i;
            }
        }

        return -1;
    }

    // System.HashCode differs from process to process.
    private static int HashCode(int seed, int from, int to) => unchecked((seed * 397 + from) * 397 + to);

    private readonly record struct QueuedPacket(WanLink Link, int To, byte[] Buffer, int Length);
}
