using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>The log against a list of all entries ever held, a disk that replays what was offered, and searches that look at everything.</summary>
public sealed class RaftLogTests
{
    [Fact]
    public void The_log_does_what_a_dumb_list_does() => Gen.Select(Gen.Int[0, 6], Gen.Int[0, 20], Gen.Int[0, 20]).Array[0, 60].Sample(operations =>
    {
        var log = new RaftLog(new SnapshotMetadata(EntryId.Zero, GroupConfiguration.None), []);
        var twin = new Twin();
        foreach (var (operation, a, b) in operations)
        {
            twin.Apply(log, operation, a, b);
            log.Check();
            twin.Compare(log);
        }
    });

    private sealed class Twin
    {
        private readonly List<LogEntry> all = [];
        private readonly List<EntryId> disk = [];
        private List<LogEntry>? writing;
        private int compacted;
        private int durable;

        public void Apply(RaftLog log, int operation, int a, int b)
        {
            switch (operation)
            {
                case 0 or 1:
                    var term = (all.Count > 0 ? all[^1].Term.Value : 1) + (ulong)(a % 3 == 0 ? 1 : 0);
                    var entry = new LogEntry(new EntryId(new Term(term), new LogIndex((ulong)all.Count + 1)), EntryKind.Command, new byte[b]);
                    all.Add(entry);
                    log.Append(entry);
                    break;
                case 2 when all.Count > compacted:
                    var keep = compacted + (a % (all.Count - compacted));
                    log.TruncateFrom(new LogIndex((ulong)keep + 1));
                    all.RemoveRange(keep, all.Count - keep);
                    durable = Math.Min(durable, keep);
                    break;
                case 3 when writing is null:
                    writing = [.. log.OfferUnpersisted()];
                    break;
                case 4 when writing is not null:
                    // The disk does what Ready.EntriesToPersist says: replace from the first one's index on.
                    if (writing is [var first, ..])
                    {
                        disk.RemoveRange((int)first.Index.Value - 1, disk.Count - (int)first.Index.Value + 1);
                        disk.AddRange(writing.Select(written => written.Id));
                    }

                    writing = null;
                    log.MarkOfferedDurable();
                    durable = all.Zip(disk).TakeWhile(pair => pair.First.Id == pair.Second).Count();
                    break;
                case 5 when (int)log.Durable.Value > compacted:
                    compacted += a % ((int)log.Durable.Value - compacted + 1);
                    log.CompactTo(new LogIndex((ulong)compacted));
                    break;
            }
        }

        public void Compare(RaftLog log)
        {
            Assert.Equal(all.Count > 0 ? all[^1].Id : EntryId.Zero, log.Last);
            Assert.Equal(TermAt(compacted), log.CompactedTo.Term);
            Assert.Equal(all.Skip(compacted).Sum(entry => (long)entry.SizeBytes), log.RetainedBytes);
            Assert.True(log.Durable.Value <= (ulong)durable, $"the log believes {log.Durable} durable, the disk holds {durable}");
            for (var index = 0; index <= all.Count + 1; index++)
            {
                var known = index >= compacted && index <= all.Count;
                Assert.Equal(known ? TermAt(index) : null, log.TermAt(new LogIndex((ulong)index)));
                for (var term = 0UL; term < 4; term++)
                {
                    var candidates = Enumerable.Range(0, Math.Min(index, all.Count) + 1).Skip(compacted);
                    var expected = index < compacted ? index : candidates.LastOrDefault(at => TermAt(at).Value <= term, compacted - 1);
                    var found = log.LastWithTermAtMost(new LogIndex((ulong)index), new Term(term));
                    Assert.Equal((ulong)expected, found.Value);
                }
            }

            for (var from = compacted + 1; from <= all.Count; from += 3)
            {
                var slice = log.Slice(new LogIndex((ulong)from), new LogIndex((ulong)all.Count), 100);
                var expected = all.Skip(from - 1).ToList();
                Assert.Equal(expected.Take(slice.Length), slice);
                Assert.True(slice.Length == 1 || slice.Sum(entry => entry.SizeBytes) <= 100);
                Assert.True(slice.Length == expected.Count || expected.Take(slice.Length + 1).Sum(entry => entry.SizeBytes) > 100);
                Assert.Equal(expected.Sum(entry => (long)entry.SizeBytes), log.BytesBetween(new LogIndex((ulong)from - 1), log.Last.Index));
            }
        }

        private Term TermAt(int index) => index == 0 ? Term.Zero : all[index - 1].Term;
    }
}
