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

    private static async Task<(int Code, string Said)> TryOpenAsync(string folder)
    {
        using var process = OtherProcess.Start("open", folder);
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said.Trim());
    }
}
