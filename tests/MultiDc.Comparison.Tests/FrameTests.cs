using System.Buffers;
using MultiDc.Comparison.Servers.Raft;

namespace MultiDc.Comparison.Tests;

/// <summary>What the load generator and the nodes of dotnext say to each other, to the letter.</summary>
public sealed class FrameTests
{
    [Fact]
    public void A_frame_to_the_letter()
    {
        Assert.Equal([8, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 2, 0xAA, 0xBB, 0xCC], Bytes(new Frame(0x12345678, (byte)FrontRequest.Get, new byte[] { 0xAA, 0xBB, 0xCC })));
        Assert.Equal([5, 0, 0, 0, 1, 0, 0, 0, 3], Bytes(new Frame(1, (byte)FrontRequest.Ping, default)));
    }

    [Fact]
    public void Frames_are_taken_whole_wherever_they_are_cut()
    {
        byte[] bytes = [.. Bytes(new Frame(5, 6, default)), .. Bytes(new Frame(1, 2, new byte[] { 3, 4 }))];
        for (var cut = 0; cut <= bytes.Length; cut++)
        {
            var input = Pieces(bytes[..cut]);
            var taken = new List<(int Call, byte Code, byte[] Body)>();
            while (Frame.TryTake(ref input, out var frame))
            {
                taken.Add((frame.Call, frame.Code, frame.Body.ToArray()));
            }

            Assert.Equal(cut < 9 ? 0 : cut < bytes.Length ? 1 : 2, taken.Count);
            Assert.Equal(cut - taken.Sum(static each => 9 + each.Body.Length), input.Length);
            Assert.True(taken.Count == 0 || (taken[0] is (5, 6, [])));
            Assert.True(taken.Count < 2 || (taken[1] is (1, 2, [3, 4])));
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void What_is_no_frame_is_refused(int length) => Assert.Throws<InvalidDataException>(() =>
    {
        var input = new ReadOnlySequence<byte>(BitConverter.GetBytes(length));
        Frame.TryTake(ref input, out _);
    });

    [Fact]
    public void A_command_is_read_as_it_was_written()
    {
        var command = EntryCommand.Encode([1, 2], [3, 4, 5]);
        Assert.Equal([2, 0, 1, 2, 3, 4, 5], command);
        var (key, value) = EntryCommand.Decode(Pieces(command));
        Assert.Equal([1, 2], key);
        Assert.Equal([3, 4, 5], value);
        Assert.Empty(EntryCommand.Decode(Pieces(EntryCommand.Encode([1], []))).Value);
    }

    [Theory]
    [InlineData(new byte[] { 1 })]
    [InlineData(new byte[] { 3, 0, 1, 2 })]
    public void What_is_no_command_is_refused(byte[] bytes) => Assert.Throws<InvalidDataException>(() => EntryCommand.Decode(Pieces(bytes)));

    [Fact]
    public void A_use_is_read_as_it_was_written()
    {
        var use = new NodeUse(4711, TimeSpan.FromSeconds(1.5), 1L << 40, 1L << 50);
        Assert.Equal(use, NodeUse.Decode(use.Encode()));
        Assert.Throws<InvalidDataException>(() => NodeUse.Decode(new byte[3]));
    }

    private static byte[] Bytes(Frame frame)
    {
        var output = new ArrayBufferWriter<byte>();
        frame.WriteTo(output);
        return output.WrittenMemory.ToArray();
    }

    // One byte in each.
    private static ReadOnlySequence<byte> Pieces(byte[] bytes)
    {
        if (bytes.Length == 0)
        {
            return default;
        }

        var first = new Piece(new[] { bytes[0] }, null);
        var last = bytes.Skip(1).Aggregate(first, static (before, each) => new Piece(new[] { each }, before));
        return new(first, 0, last, 1);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory, Piece? before)
        {
            Memory = memory;
            if (before is not null)
            {
                before.Next = this;
                RunningIndex = before.RunningIndex + before.Memory.Length;
            }
        }
    }
}
