using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

public sealed class FrameMessagesTests
{
    [Theory]
    [InlineData(1, 1UL)]
    [InlineData(7, ulong.MaxValue / 2)]
    [InlineData(255, ulong.MaxValue / 2)]
    public void Messages_of_any_size_come_out_as_they_went_in(int members, ulong firstId)
    {
        var (from, to, term) = (new ReplicaId(firstId), new ReplicaId(firstId + 1), new Term(ulong.MaxValue));
        var (before, last) = (new EntryId(term, new LogIndex(ulong.MaxValue - 2)), new EntryId(term, new LogIndex(ulong.MaxValue - 1)));
        var configuration = new GroupConfiguration([.. Enumerable.Range(0, members).Select(i => new ReplicaId(firstId + (ulong)i))]);
        RaftMessage[] messages =
        [
            new SnapshotRequest(from, to, term, new SnapshotMetadata(last, configuration)),
            new AppendRequest(from, to, term, before, [new LogEntry(last, EntryKind.Command, new byte[100_000])], last.Index),
            new AppendRejected(from, to, term, last.Index, last),
            new SnapshotRequest(to, from, term, new SnapshotMetadata(last, configuration)),
        ];
        var frame = FrameMessages.Encode(messages);
        var decoded = FrameMessages.Decode(frame);
        Assert.Equal(messages.Length, decoded.Count);
        Assert.Equal(100_000, Assert.Single(((AppendRequest)decoded[1]).Entries).Payload.Length);
        Assert.Equal(configuration.Voters.AsEnumerable(), ((SnapshotRequest)decoded[3]).Snapshot.Configuration.Voters.AsEnumerable());
        Assert.True(frame.Span.SequenceEqual(FrameMessages.Encode(decoded).Span));
        Assert.Equal(1, FrameMessages.Encode([]).Length);
    }
}
