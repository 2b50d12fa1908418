namespace MultiDc.Storage.Tests;

public sealed class KillTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    // The long form is a command: see Program.
    [Fact]
    public async Task After_a_kill_every_acknowledged_write_is_there_and_the_rows_match_their_applied_index()
    {
        var loop = new KillLoop(folders.New(), seed: 20261123);
        for (var round = 0; round < 8; round++)
        {
            await loop.RoundAsync();
        }

        Assert.All(loop.Acknowledged, last => Assert.NotEqual(0UL, last));
    }

    [Fact]
    public async Task A_second_process_is_told_that_the_folder_is_in_use()
    {
        var folder = folders.New();
        await using (await RocksDbTestStore.OpenAsync(folder))
        {
            var (code, said) = await TryOpenAsync(folder);
            Assert.Equal(1, code);
            Assert.StartsWith($"data folder {folder} is in use by another process", said, StringComparison.Ordinal);
        }

        Assert.Equal((0, "opened"), await TryOpenAsync(folder));
    }

    [Fact]
    public async Task A_process_that_is_paused_in_the_middle_of_its_writes_keeps_the_folder_until_it_is_dead()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var folder = folders.New();
        using var process = OtherProcess.Start("write", folder);
        var read = 0;
        var line = "";
        for (; read < 200; read++)
        {
            line = await process.StandardOutput.ReadLineAsync();
        }

        Assert.Equal(0, SmallDisk.Run("kill", "-STOP", $"{process.Id}"));
        // Nor does it help to tidy away what looks like a stale lock.
        File.Delete(Path.Combine(folder, "LOCK"));
        var refused = await Assert.ThrowsAsync<StoreOpenException>(() => RocksDbTestStore.OpenAsync(folder));
        Assert.StartsWith($"data folder {folder} is in use by another process", refused.Message, StringComparison.Ordinal);

        Assert.Equal(0, SmallDisk.Run("kill", "-CONT", $"{process.Id}"));
        for (; read < 3000; read++)
        {
            Assert.NotNull(await process.StandardOutput.ReadLineAsync());
        }

        process.Kill();
        await process.WaitForExitAsync();
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        var storage = await store.OpenReplicaAsync(KillWriter.Name(int.Parse(line!.Split(' ')[0])));
        Assert.Equal(new Epoch(2), storage.Epoch);
    }

    private static async Task<(int Code, string Said)> TryOpenAsync(string folder)
    {
        using var process = OtherProcess.Start("open", folder);
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said.Trim());
    }
}
