using Xunit.Abstractions;

namespace MultiDc.Raft.Tests.Costs;

/// <summary>
/// How many bytes three cores allocate together for one committed entry, from the proposal to its application on all. Unlike times, bytes are
/// the same on every machine, so they have a ceiling here: about a fifth above what was measured.
/// </summary>
public sealed class AllocatedBytesTests(ITestOutputHelper output)
{
    private const int Entries = 20_000;

    /// <summary>Raise a ceiling only for something that is worth it, and lower it when the measured figure that the test prints has fallen.</summary>
    [Theory]
    [InlineData(1, 10_000)]
    [InlineData(64, 300)]
    public void A_committed_entry_costs_no_more_than_its_ceiling(int entriesPerRound, long ceilingBytes)
    {
        var group = new Trio();
        group.Commit(Entries / 10, entriesPerRound);
        var before = GC.GetAllocatedBytesForCurrentThread();
        group.Commit(Entries, entriesPerRound);
        var bytesPerEntry = (GC.GetAllocatedBytesForCurrentThread() - before) / Entries;

        output.WriteLine($"{bytesPerEntry} bytes allocated per committed entry, {entriesPerRound} proposed at a time; ceiling {ceilingBytes}");
        Assert.InRange(bytesPerEntry, 1, ceilingBytes);
    }

    /// <summary>Three cores in one thread whose messages arrive at once and whose disks are instantaneous.</summary>
    private sealed class Trio
    {
        private static readonly byte[] Payload = new byte[100];
        private readonly RaftNode[] nodes;
        private readonly Queue<RaftMessage> network = [];

        public Trio()
        {
            var founding = new SnapshotMetadata(EntryId.Zero, new GroupConfiguration([new(1), new(2), new(3)]));
            nodes = [.. new ulong[] { 1, 2, 3 }.Select(id => new RaftNode(
                new RaftNodeOptions { Id = new(id) }, new RaftRecovery(default, founding, [], LogIndex.Zero), new SeededRandomSource(id)))];
            while (nodes[0].Role != RaftRole.Leader)
            {
                nodes[0].Tick();
                Settle();
            }
        }

        public void Commit(int entries, int entriesPerRound)
        {
            for (var proposed = 0; proposed < entries; proposed += entriesPerRound)
            {
                for (var i = 0; i < entriesPerRound; i++)
                {
                    Assert.True(nodes[0].Propose(Payload).Accepted);
                }

                Settle();
                foreach (var node in nodes)
                {
                    Assert.True(node.Applied == nodes[0].LastEntry.Index);
                    node.CompactTo(node.Applied);
                }
            }
        }

        private void Settle()
        {
            var acted = true;
            while (acted)
            {
                acted = false;
                foreach (var node in nodes)
                {
                    while (node.TryGetReady(out var ready))
                    {
                        acted = true;
                        for (var i = 0; i < ready.MessagesAfterPersist.Count; i++)
                        {
                            network.Enqueue(ready.MessagesAfterPersist[i]);
                        }

                        node.Advance();
                    }
                }

                while (network.TryDequeue(out var message))
                {
                    acted = true;
                    nodes[message.To.Value - 1].Step(message);
                }
            }
        }
    }
}
