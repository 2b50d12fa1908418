using MultiDc.Testing.Postgres;

namespace MultiDc.Storage.Postgres.Tests;

// Schema version 1. It is in the databases of users: when one of these fails, it is the code that is wrong.
public sealed class LayoutTests
{
    [Fact]
    public async Task Every_table_and_column()
    {
        var server = await PostgresServer.SharedAsync();
        var columns = await server.PsqlAsync(await server.CreateDatabaseAsync(), """
            SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns
            WHERE table_schema = 'multidc' ORDER BY table_name, ordinal_position
            """);
        Assert.Equal(
            """
            applied.slot integer
            applied.generation integer
            applied.record bytea
            log.slot integer
            log.index bigint
            log.entry bytea
            record.key text
            record.value bytea
            replica.slot integer
            replica.name text
            replica.epoch bigint
            replica.generation integer
            replica.record bytea
            replica.hard_state bytea
            replica.start_index bigint
            replica.log_start bytea
            schema_version.one boolean
            schema_version.version integer
            state.slot integer
            state.generation integer
            state.key bytea
            state.value bytea
            store.one boolean
            store.identity bytea
            store.system_identifier bigint
            store.timeline integer
            """.ReplaceLineEndings("\n"),
            columns);
    }

    [Fact]
    public async Task Every_byte_of_a_replica()
    {
        var server = await PostgresServer.SharedAsync();
        var name = await server.CreateDatabaseAsync();
        await using (var store = await PostgresTestStore.OpenAsync(server.ConnectionString(name)))
        {
            await store.AddRecordAsync("key", "value"u8.ToArray());
            var storage = await store.OpenReplicaAsync();
            await storage.WriteAsync(new ReplicaWrite { HardState = new HardState(new Term(2), new ReplicaId(1), new LogIndex(3)), Entries = [PostgresTestStore.Entry(1, "put", term: 2), PostgresTestStore.Entry(2, "", term: 2)] });
            await storage.State.ApplyAsync(PostgresTestStore.Put("a", "1"), new LogIndex(1));
            var staged = await storage.State.StageAsync(PostgresTestStore.SnapshotAt(9));
            await staged.AddAsync([new StateRow("b"u8.ToArray(), "2"u8.ToArray())]);
        }

        Assert.Equal("key|0176616c7565c562881c", await server.PsqlAsync(name, "SELECT key, encode(value, 'hex') FROM multidc.record"));
        Assert.Equal(
            "1|orders/1@east|1|1|0101000000000000000100000009e3bd60|01020000000000000001000000000000000300000000000000670dbe6b|0",
            await server.PsqlAsync(name, "SELECT slot, name, epoch, generation, encode(record, 'hex'), encode(hard_state, 'hex'), start_index FROM multidc.replica"));
        Assert.Equal(
            "1|1|01000200000000000000010000000000000003000000707574\n1|2|01000200000000000000020000000000000000000000",
            await server.PsqlAsync(name, "SELECT slot, index, encode(substr(entry, 1, 22) || substr(entry, 27), 'hex') FROM multidc.log ORDER BY 1, 2"));
        Assert.Equal("1|1|61|31\n1|2|62|32", await server.PsqlAsync(name, "SELECT slot, generation, encode(key, 'hex'), encode(substr(value, 1, length(value) - 4), 'hex') FROM multidc.state ORDER BY 1, 2, 3"));
        Assert.Equal("1|1|010100000000000000", await server.PsqlAsync(name, "SELECT slot, generation, encode(substr(record, 1, 9), 'hex') FROM multidc.applied"));
    }

    [Fact]
    public void Every_byte_of_a_row()
    {
        // CRC-32C of: slot 1, generation 2, key length 1 (u32 little-endian each), key, value.
        Assert.Equal(GoldenRow, Convert.ToHexStringLower(StateValues.Encode(1, 2, "a"u8, "value"u8)));
        var slot = new ReplicaSlot(1, PostgresTestStore.Shard, 1);
        Assert.Equal("value"u8, StateValues.Decode(slot, 2, "a"u8, Convert.FromHexString(GoldenRow)).Span);
        for (var bit = 0; bit < GoldenRow.Length * 4; bit++)
        {
            var damaged = Convert.FromHexString(GoldenRow);
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<StoreCorruptedException>(() => StateValues.Decode(slot, 2, "a"u8, damaged));
        }

        Assert.Throws<StoreCorruptedException>(() => StateValues.Decode(slot, 3, "a"u8, Convert.FromHexString(GoldenRow)));
        Assert.Throws<StoreCorruptedException>(() => StateValues.Decode(slot, 2, "b"u8, Convert.FromHexString(GoldenRow)));
    }

    private const string GoldenRow = "76616c75650f4d4665";
}
