using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using MultiDc.Raft;
using MultiDc.Server.Replication;
using MultiDc.Server.Transport;
using Orleans.Serialization;

namespace MultiDc.Server.Tests.Transport;

/// <summary>What a parcel looks like on the wire, which silos of other versions read and write.</summary>
public sealed class ParcelGoldenTests : IDisposable
{
    // As versions wrote it that noted frames and their bytes in the serializer's table of references.
    private const string ParcelHex = "20E82020000921E820E8400D6F72646572730101E021E84007646331E04121010000000200030000000000000000000107411901070000000108010309041141210400000005000600000000000000000001010101E020E820E8C00F011DE021E8C015E041210100000002000300000000000000000001074119010700000001080103090411412104000000050006000000000000000000019B0109E020E820E8400B63617274730105E021E8C015E04121010000000200030000000000000000000109410141210400000005000600000000000000000001010101E020E820E8C03F0105E021E8C015E04121010000000200030000000000000000000109411901070000000108010309041141210400000005000600000000000000000001010101E0E0E0E0";

    private readonly ServiceProvider services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    public void Dispose() => services.Dispose();

    [Fact]
    public void A_parcel_is_written_as_ever() => Assert.Equal(ParcelHex, Convert.ToHexString(Serializer.SerializeToArray(Parcel())));

    [Fact]
    public void What_was_written_is_read()
    {
        var read = Serializer.Deserialize(Convert.FromHexString(ParcelHex))!;
        var expected = Parcel();
        Assert.Equal(expected.Frames.Length, read.Frames.Length);
        foreach (var (frame, original) in read.Frames.Zip(expected.Frames))
        {
            Assert.Equal(original with { Messages = default }, frame with { Messages = default });
            Assert.True(original.Messages.Span.SequenceEqual(frame.Messages.Span));
        }
    }

    private Serializer<RaftParcel> Serializer => services.GetRequiredService<Serializer<RaftParcel>>();

    // Names that several frames share are written once, and referred to by how many came before; the bytes of two frames are their own though they are equal.
    private static RaftParcel Parcel()
    {
        var (store, opening) = (new Guid(1, 2, 3, new byte[8]), new Guid(4, 5, 6, new byte[8]));
        ShardId first = new("orders", 0), second = new("orders", 7), third = new("carts", 1);
        DatacenterId from = new("dc1");
        var heartbeat = FrameMessages.Encode([new HeartbeatRequest(new(1), new(3), new(9), new(4), 17)]);
        return new(
        [
            new(first, from, store, 3, opening, heartbeat),
            new(second, from, store, 3, opening, heartbeat.ToArray()) { Member = 77, ToOrdinal = 2 },
            new(third, from, store, 4, opening, ReadOnlyMemory<byte>.Empty),
            new(third, from, store, 4, opening, heartbeat),
        ]);
    }
}
