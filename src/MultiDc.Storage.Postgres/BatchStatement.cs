using System.Buffers;
using Npgsql;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// The one statement of a group commit (multidc.commit_batch), prepared once for its connection. All its data arrive with it, so a client
/// that is stopped in the middle of sending holds no lock; it commits by itself.
/// </summary>
internal sealed class BatchStatement : IDisposable
{
    private readonly NpgsqlCommand command;
    private readonly ArrayBufferWriter<byte> scratch = new();
    private readonly NpgsqlParameter<bool> raising = new();
    private readonly NpgsqlParameter<bool> others = new();
    private readonly NpgsqlParameter<int[]>[] ints = [.. Enumerable.Range(0, 11).Select(static _ => new NpgsqlParameter<int[]> { TypedValue = [] })];
    private readonly NpgsqlParameter<long[]>[] longs = [.. Enumerable.Range(0, 7).Select(static _ => new NpgsqlParameter<long[]> { TypedValue = [] })];

    private readonly NpgsqlParameter<ReadOnlyMemory<byte>[]>[] bytes =
        [.. Enumerable.Range(0, 10).Select(static _ => new NpgsqlParameter<ReadOnlyMemory<byte>[]> { TypedValue = [] })];

    private readonly NpgsqlParameter<string[]>[] texts = [.. Enumerable.Range(0, 3).Select(static _ => new NpgsqlParameter<string[]> { TypedValue = [] })];

    public BatchStatement(NpgsqlConnection connection)
    {
        command = new NpgsqlCommand(
            $"SELECT multidc.commit_batch({string.Join(',', Enumerable.Range(1, 33).Select(static i => $"${i}"))})",
            connection);
        NpgsqlParameter[] inOrder =
        [
            raising,
            ints[0], longs[0], // g
            ints[1], longs[1], // j
            ints[2], longs[2], bytes[0], // e
            ints[3], bytes[1], // h
            others,
            ints[4], longs[3], // t
            ints[5], longs[4], // c
            ints[6], longs[5], bytes[2], // s
            ints[7], longs[6], ints[8], bytes[3], // r
            ints[9], ints[10], bytes[4], // a
            texts[0], bytes[5], bytes[6], bytes[7], // n
            texts[1], bytes[8], // k
            texts[2], bytes[9], // w
        ];
        command.Parameters.AddRange(inOrder);
    }

    public void Prepare() => command.Prepare();

    /// <summary>Carries it out; the replicas that are fenced, each with its epoch, and nothing done; or null.</summary>
    public long[,]? Execute(CommitBatch batch)
    {
        Fill(batch);
        return command.ExecuteScalar() as long[,];
    }

    public void Dispose() => command.Dispose();

    private void Fill(CommitBatch batch)
    {
        var all = batch.Changes;
        var joining = all.Where(static of => of.Entries.Count > 0).ToArray();
        raising.TypedValue = all.Any(static of => of.NewEpoch is not null);
        Set(0, 0, all, static of => (long)of.Epoch);
        Set(1, 1, joining, static of => (long)of.FirstIndex - 1);
        FillEntries(joining);
        var voting = all.Where(static of => of.HardState is not null).ToArray();
        ints[3].TypedValue = Slots(voting);
        bytes[1].TypedValue = [.. voting.Select(of => Encode(of.HardState!.Value))];

        var truncated = all.Where(static of => of.DeleteFrom is not null).ToArray();
        var compacted = all.Where(static of => of.DeleteTo is not null).ToArray();
        var moved = all.Where(static of => of.Start is not null).ToArray();
        var recorded = all.Where(static of => of.ChangesRecord).ToArray();
        var installed = all.Where(static of => of.Installed is not null).ToArray();
        others.TypedValue = truncated.Length + compacted.Length + moved.Length + recorded.Length + batch.Foundings.Count + batch.Records.Count + batch.Replacements.Count > 0;
        Set(4, 3, truncated, static of => (long)of.DeleteFrom!.Value);
        Set(5, 4, compacted, static of => (long)of.DeleteTo!.Value);
        Set(6, 5, moved, static of => (long)of.Start!.LastIncluded.Index.Value);
        bytes[2].TypedValue = [.. moved.Select(of => Encode(of.Start!))];
        Set(7, 6, recorded, static of => (long)(of.NewEpoch ?? of.Epoch));
        ints[8].TypedValue = [.. recorded.Select(static of => of.Generation)];
        bytes[3].TypedValue = [.. recorded.Select(static of => Encode(of.NewEpoch ?? of.Epoch, of.Generation))];
        ints[9].TypedValue = Slots(installed);
        ints[10].TypedValue = [.. installed.Select(static of => of.Generation)];
        bytes[4].TypedValue = [.. installed.Select(static of => (ReadOnlyMemory<byte>)StoreRecords.EncodeApplied(of.Installed!.Index))];
        texts[0].TypedValue = [.. batch.Foundings.Keys];
        bytes[5].TypedValue = [.. batch.Foundings.Select(static _ => Encode(0, 1))];
        bytes[6].TypedValue = [.. batch.Foundings.Select(_ => Encode(default(HardState)))];
        bytes[7].TypedValue = [.. batch.Foundings.Values.Select(founding => Encode(new SnapshotMetadata(EntryId.Zero, founding.Configuration)))];
        texts[1].TypedValue = [.. batch.Records.Keys];
        bytes[8].TypedValue = [.. batch.Records.Values.Select(static value => (ReadOnlyMemory<byte>)StoreRecords.EncodeRecord(value))];
        texts[2].TypedValue = [.. batch.Replacements.Keys];
        bytes[9].TypedValue = [.. batch.Replacements.Values.Select(static value => (ReadOnlyMemory<byte>)StoreRecords.EncodeRecord(value))];
    }

    private void FillEntries(ReplicaChanges[] joining)
    {
        var count = joining.Sum(static of => of.Entries.Count);
        var (slots, indexes, entries) = (new int[count], new long[count], new ReadOnlyMemory<byte>[count]);
        var next = 0;
        foreach (var of in joining)
        {
            for (var i = 0; i < of.Entries.Count; i++, next++)
            {
                (slots[next], indexes[next], entries[next]) = (of.Slot.Number, (long)of.FirstIndex + i, of.Entries[i]);
            }
        }

        (ints[2].TypedValue, longs[2].TypedValue, bytes[0].TypedValue) = (slots, indexes, entries);
    }

    private void Set(int slots, int values, IReadOnlyCollection<ReplicaChanges> of, Func<ReplicaChanges, long> value)
    {
        ints[slots].TypedValue = Slots(of);
        longs[values].TypedValue = [.. of.Select(value)];
    }

    private static int[] Slots(IReadOnlyCollection<ReplicaChanges> of) => [.. of.Select(static each => each.Slot.Number)];

    private ReadOnlyMemory<byte> Encode(HardState hardState)
    {
        scratch.ResetWrittenCount();
        HardStateCodec.Encode(hardState, scratch);
        return scratch.WrittenSpan.ToArray();
    }

    private ReadOnlyMemory<byte> Encode(SnapshotMetadata snapshot)
    {
        scratch.ResetWrittenCount();
        SnapshotMetadataCodec.Encode(snapshot, scratch);
        return scratch.WrittenSpan.ToArray();
    }

    private static ReadOnlyMemory<byte> Encode(ulong epoch, int generation) => StoreRecords.EncodeReplica(new ReplicaRecord(epoch, (uint)generation));
}
