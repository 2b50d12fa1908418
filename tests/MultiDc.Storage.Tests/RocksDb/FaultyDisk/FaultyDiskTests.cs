using System.Text;

namespace MultiDc.Storage.Tests;

// The real store over a real file system whose calls fail. After each fault the folder is opened again over a sound disk.
public sealed class FaultyDiskTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [FaultyDiskTheory]
    [InlineData("sync EIO .log", "Input/output error")]
    [InlineData("write EIO .log", "Input/output error")]
    [InlineData("write ENOSPC .log", "No space left on device")]
    public async Task A_failed_append_stops_the_store_and_reads_go_on(string fault, string reason)
    {
        var said = await RunAsync("append", fault);

        Assert.StartsWith("append: StoreFailedException", said[1], StringComparison.Ordinal);
        Assert.Contains(reason, said[1], StringComparison.Ordinal);
        Assert.Equal(["health Failed", "read 2"], said[2..4]);
        // The disk is sound again, and nobody takes its word.
        Assert.StartsWith("mended flush: StoreFailedException", said[4], StringComparison.Ordinal);
        Assert.StartsWith("append: StoreFailedException", said[5], StringComparison.Ordinal);
        Assert.Equal(6, said.Length);
    }

    [FaultyDiskFact]
    public async Task A_sync_that_takes_long_keeps_the_append_waiting_and_not_the_rows_of_other_replicas()
    {
        var said = await RunAsync("apply", "sync HANG .log");

        Assert.Equal(
            ["acknowledged 5", "applied 1", "append: waits", "acknowledged 8", "append: done", "health Ok", "read 2", "mended flush: done", "acknowledged 9", "append: done"],
            said);
    }

    [FaultyDiskFact]
    public async Task A_record_is_not_read_before_it_is_durable()
    {
        var said = await RunAsync("record", "sync HANG .log");

        Assert.Equal(["record: none, put: waits", "record: there"], said[1..3]);
    }

    [FaultyDiskFact]
    public async Task Short_writes_are_written_on()
    {
        var said = await RunAsync("append", "write SHORT .log");

        Assert.Equal(
            ["acknowledged 5", "acknowledged 8", "append: done", "health Ok", "read 2", "mended flush: done", "acknowledged 9", "append: done"], said);
    }

    [FaultyDiskFact]
    public async Task A_write_torn_by_a_kill_is_dropped_and_everything_before_it_is_there()
    {
        var folder = folders.New();
        var (code, said) = await FaultyDisk.RunAsync("append", "write TORN .log", folder);

        Assert.Equal(137, code);
        Assert.Equal(["acknowledged 5"], said);
        Assert.Equal(5UL, await VerifyAsync(folder, said));
    }

    [FaultyDiskTheory]
    [InlineData("sync EIO .sst")]
    [InlineData("write EIO .sst")]
    [InlineData("sync EIO MANIFEST")]
    public async Task A_failed_flush_of_rows_stops_the_store_for_good(string fault)
    {
        var said = await RunAsync("flush", fault);

        Assert.StartsWith("flush: StoreFailedException", said[1], StringComparison.Ordinal);
        Assert.Equal(["durable 1", "health Failed", "read 2"], said[2..5]);
        Assert.StartsWith("mended flush: StoreFailedException", said[5], StringComparison.Ordinal);
        Assert.StartsWith("append: StoreFailedException", said[6], StringComparison.Ordinal);
        Assert.Equal(7, said.Length);
    }

    [FaultyDiskFact]
    public async Task A_flush_of_rows_on_a_full_disk_is_refused_and_done_when_there_is_space()
    {
        var said = await RunAsync("flush", "write ENOSPC .sst");

        Assert.StartsWith("flush: StoreFullException", said[1], StringComparison.Ordinal);
        Assert.Equal(
            ["durable 1", "health ReadOnly", "read 2", "resumed", "mended flush: done", "acknowledged 9", "append: done"], said[2..]);
    }

    [FaultyDiskFact]
    public async Task A_flush_that_fails_in_RocksDBs_own_thread_stops_the_store()
    {
        var said = await RunAsync("background", "sync EIO .sst", verify: false);

        Assert.Equal(["acknowledged 5", "health Failed", "read 2"], said[..3]);
        Assert.StartsWith("append: StoreFailedException", said[^1], StringComparison.Ordinal);
    }

    [FaultyDiskTheory]
    [InlineData("sync EIO dir")]
    [InlineData("sync EIO .dbtmp")]
    public async Task A_folder_whose_creation_cannot_be_synced_is_not_opened(string fault)
    {
        var (_, said) = await FaultyDisk.RunAsync("create", fault, folders.New());

        Assert.StartsWith("create: StoreOpenException", Assert.Single(said), StringComparison.Ordinal);
        Assert.Contains("Input/output error", said[0], StringComparison.Ordinal);
    }

    [FaultyDiskFact]
    public async Task An_empty_folder_that_a_crashed_creation_may_have_left_is_synced_before_it_is_used()
    {
        var folder = folders.New();
        Directory.CreateDirectory(folder);
        var (_, said) = await FaultyDisk.RunAsync("create", "sync EIO dir", folder);

        Assert.Contains("cannot be created", Assert.Single(said), StringComparison.Ordinal);
    }

    private async Task<string[]> RunAsync(string story, string fault, bool verify = true)
    {
        var folder = folders.New();
        var (code, said) = await FaultyDisk.RunAsync(story, fault, folder);
        Assert.True(code == 0 && said.Length > 0 && said[0] == "acknowledged 5", $"{code}: {string.Join('\n', said)}");
        if (verify)
        {
            await VerifyAsync(folder, said);
        }

        return said;
    }

    /// <summary>Everything acknowledged is there, and what is there is as it was written. The last entry.</summary>
    private static async Task<ulong> VerifyAsync(string folder, string[] said)
    {
        var acknowledged = said.Where(line => line.StartsWith("acknowledged ", StringComparison.Ordinal)).Max(line => ulong.Parse(line.Split(' ')[1]));
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        var recovered = (await store.OpenReplicaAsync()).Recovered;
        var last = (ulong)recovered.Entries.Count;
        Assert.True(last >= acknowledged, $"acknowledged {acknowledged}, found {last}");
        Assert.All(recovered.Entries, entry => Assert.Equal(FaultyDiskProgram.Payload(entry.Index.Value), Encoding.UTF8.GetString(entry.Payload.Span)));
        Assert.True(recovered.Applied.Value >= 1);
        return last;
    }
}
