using System.Buffers;
using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

// The bytes of layout version 1. They are on the disks of users: when one of these fails, it is the code that is wrong.
public sealed class LayoutTests
{
    private static readonly StoreIdentity Identity = new("cluster", Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"));

    [Fact]
    public void Keys_of_hard()
    {
        Assert.Equal("00", Hex(StoreKeys.Identity));
        Assert.Equal("016b2f31406561", Hex(StoreKeys.Name(new ReplicaName("k/1@ea"))));
        Assert.Equal("0201020304", Hex(StoreKeys.Replica(0x01020304)));
        Assert.Equal("0301020304", Hex(StoreKeys.HardState(0x01020304)));
        Assert.Equal("0401020304", Hex(StoreKeys.LogStart(0x01020304)));
        Assert.Equal("056b6579", Hex(StoreKeys.Record("key")));
    }

    [Fact]
    public void Keys_of_log_and_state()
    {
        Assert.Equal("010203041112131415161718", Hex(StoreKeys.Log(0x01020304, 0x1112131415161718)));
        Assert.Equal("010203040a0b0c0d00", Hex(StoreKeys.Applied(0x01020304, 0x0a0b0c0d)));
        Assert.Equal("010203040a0b0c0d01ff00", Hex(StoreKeys.Row(0x01020304, 0x0a0b0c0d, [0xFF, 0x00])));
        Assert.Equal("010203040a0b0c0d02", Hex(StoreKeys.AfterRows(0x01020304, 0x0a0b0c0d)));
    }

    [Fact]
    public void Values_of_the_store()
    {
        Assert.Equal("0100112233445566778899aabbccddeeff636c75737465720a11e7b6", Hex(StoreRecords.EncodeIdentity(Identity)));
        Assert.Equal("0104030201f45b4139", Hex(StoreRecords.EncodeSlot(0x01020304)));
        Assert.Equal("0108070605040302010d0c0b0ad2ef6e3c", Hex(StoreRecords.EncodeReplica(new ReplicaRecord(0x0102030405060708, 0x0a0b0c0d))));
        Assert.Equal("0108070605040302017d0e0ae5", Hex(StoreRecords.EncodeApplied(0x0102030405060708)));
        Assert.Equal("0176616c7565c562881c", Hex(StoreRecords.EncodeRecord("value"u8)));
    }

    [Fact]
    public void Values_of_the_core()
    {
        var entry = new LogEntry(new EntryId(new Term(2), new LogIndex(3)), EntryKind.Command, "put"u8.ToArray());
        var snapshot = new SnapshotMetadata(entry.Id, new GroupConfiguration([new ReplicaId(1), new ReplicaId(2)]));
        Assert.Equal("010002000000000000000300000000000000030000004f0e44ca707574", Hex(output => EntryCodec.Encode(entry, output)));
        Assert.Equal("01020000000000000001000000000000000300000000000000670dbe6b", Hex(output => HardStateCodec.Encode(new HardState(new Term(2), new ReplicaId(1), new LogIndex(3)), output)));
        Assert.Equal("01020000000000000003000000000000000102010000000000000002000000000000007f3f734e", Hex(output => SnapshotMetadataCodec.Encode(snapshot, output)));
    }

    [Fact]
    public void Values_are_read_back()
    {
        Assert.Equal(Identity, StoreRecords.DecodeIdentity(StoreRecords.EncodeIdentity(Identity)));
        Assert.Equal(7U, StoreRecords.DecodeSlot(StoreRecords.EncodeSlot(7)));
        Assert.Equal(new ReplicaRecord(5, 6), StoreRecords.DecodeReplica(StoreRecords.EncodeReplica(new ReplicaRecord(5, 6))));
        Assert.Equal(8UL, StoreRecords.DecodeApplied(StoreRecords.EncodeApplied(8)));
        Assert.Equal("value"u8.ToArray(), StoreRecords.DecodeRecord(StoreRecords.EncodeRecord("value"u8)));
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_of_a_value_is_noticed()
    {
        var record = StoreRecords.EncodeReplica(new ReplicaRecord(5, 6));
        for (var bit = 0; bit < record.Length * 8; bit++)
        {
            var damaged = record.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<CodecException>(() => StoreRecords.DecodeReplica(damaged));
        }

        for (var length = 0; length < record.Length; length++)
        {
            Assert.Throws<CodecException>(() => StoreRecords.DecodeReplica(record[..length]));
        }
    }

    [Fact]
    public async Task A_store_holds_what_the_layout_says_and_nothing_else()
    {
        using var folders = new TemporaryFolder();
        await using var store = await RocksDbTestStore.OpenAsync(folders.New());
        await store.AddRecordAsync("key", "value"u8.ToArray());
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 2));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        Assert.Empty(Keys(store.Database, store.Database.State));
        await storage.State.FlushAsync();
        var staged = await storage.State.StageAsync(new SnapshotMetadata(new EntryId(new Term(1), new LogIndex(9)), RocksDbTestStore.Founding.Configuration));
        await staged.AddAsync([new StateRow("b"u8.ToArray(), "2"u8.ToArray())]);

        Assert.Equal(
            ["00", "016f72646572732f314065617374", "0200000000", "0300000000", "0400000000", "056b6579"], Keys(store.Database, store.Database.Hard));
        Assert.Equal(["000000000000000000000001", "000000000000000000000002"], Keys(store.Database, store.Database.Log));
        Assert.Equal(["000000000000000100", "00000000000000010161", "00000000000000020162"], Keys(store.Database, store.Database.State));

        await storage.WriteAsync(new ReplicaWrite { Install = staged });
        Assert.Empty(Keys(store.Database, store.Database.Log));
        Assert.Equal(["000000000000000200", "00000000000000020162"], Keys(store.Database, store.Database.State));
    }

    private static List<string> Keys(StoreDatabase database, StoreDatabase.Family family)
    {
        var keys = new List<string>();
        var snapshot = database.TakeSnapshot();
        database.Read(family, [], [0xFF], snapshot, (key, _) =>
        {
            keys.Add(Hex(key));
            return true;
        });
        database.Release(snapshot);
        return keys;
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private static string Hex(Action<IBufferWriter<byte>> encode)
    {
        var output = new ArrayBufferWriter<byte>();
        encode(output);
        return Hex(output.WrittenSpan);
    }
}
