using System.Globalization;
using System.Text;

namespace MultiDc.Storage.Tests;

public sealed class KillTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task After_a_kill_every_acknowledged_write_is_there_and_the_rows_match_their_applied_index()
    {
        const int rounds = 6;
        var folder = folders.New();
        var acknowledged = new ulong[KillWriter.Replicas];
        var random = new Random(20261123);
        for (var round = 0; round < rounds; round++)
        {
            await WriteUntilKilledAsync(folder, acknowledged, acknowledgements: random.Next(300, 2500));
            await VerifyAsync(folder, acknowledged);
        }

        Assert.All(acknowledged, last => Assert.NotEqual(0UL, last));
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

    private static async Task WriteUntilKilledAsync(string folder, ulong[] acknowledged, int acknowledgements)
    {
        using var process = OtherProcess.Start("write", folder);
        for (var read = 0; await process.StandardOutput.ReadLineAsync() is { } line; read++)
        {
            if (read == acknowledgements)
            {
                process.Kill();
            }

            // What it printed before it died was acknowledged too. The last line may be torn.
            var words = line.Split(' ');
            if (words.Length == 2 && words[1].Length > 0)
            {
                Note(acknowledged, words);
            }
        }

        await process.WaitForExitAsync();
        Assert.Equal(137, process.ExitCode);
    }

    private static void Note(ulong[] acknowledged, string[] words)
    {
        var replica = int.Parse(words[0], CultureInfo.InvariantCulture);
        acknowledged[replica] = Math.Max(acknowledged[replica], ulong.Parse(words[1], CultureInfo.InvariantCulture));
    }

    private static async Task VerifyAsync(string folder, ulong[] acknowledged)
    {
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        for (var replica = 0; replica < KillWriter.Replicas; replica++)
        {
            await using var storage = await store.OpenReplicaAsync(KillWriter.Name(replica));
            var recovered = storage.Recovered;
            var last = recovered.Snapshot.LastIncluded.Index.Value + (ulong)recovered.Entries.Count;
            Assert.True(last >= acknowledged[replica], $"replica {replica}: acknowledged {acknowledged[replica]}, found {last}");
            Assert.All(recovered.Entries, entry =>
                Assert.Equal(KillWriter.Payload(replica, entry.Index.Value), Encoding.UTF8.GetString(entry.Payload.Span)));

            using var view = storage.State.OpenView();
            var rows = new List<(string, string)>();
            await foreach (var row in view.ScanAsync(default, null))
            {
                rows.Add((Encoding.UTF8.GetString(row.Key.Span), Encoding.UTF8.GetString(row.Value.Span)));
            }

            Assert.Equal(KillWriter.RowsAt(recovered.Applied.Value), rows);
        }
    }
}
