using System.Globalization;
using System.Text;

namespace MultiDc.Storage.Tests;

/// <summary>
/// Kills a process that writes (<see cref="KillWriter"/>) at a random moment, opens what it left, and compares with what it acknowledged.
/// Also while the store is only being opened: then the recovery of the last kill is what is killed.
/// </summary>
internal sealed class KillLoop(string folder, int seed)
{
    private readonly Random random = new(seed);
    private readonly ulong[] acknowledged = new ulong[KillWriter.Replicas];
    private int rounds;
    private int killedWhileOpening;
    private long entriesRead;

    public int Seed => seed;

    public long Acknowledgements { get; private set; }

    public IReadOnlyList<ulong> Acknowledged => acknowledged;

    public string Summary => string.Create(
        CultureInfo.InvariantCulture,
        $"seed {seed}: {rounds} kills, {killedWhileOpening} of them before the first acknowledgement, {Acknowledgements} acknowledged writes, {entriesRead} entries read back");

    public async Task RoundAsync()
    {
        // A few lines: somewhere in opening; many: somewhere in writing. When exactly, the scheduler and the pipe decide.
        var lines = random.Next(4) == 0 ? random.Next(1, 20) : random.Next(300, 2500);
        var before = Acknowledgements;
        await WriteUntilKilledAsync(lines);
        await VerifyAsync();
        rounds++;
        killedWhileOpening += Acknowledgements == before ? 1 : 0;
    }

    private async Task WriteUntilKilledAsync(int lines)
    {
        using var process = OtherProcess.Start("write", folder);
        for (var read = 1; await process.StandardOutput.ReadLineAsync() is { } line; read++)
        {
            if (read == lines)
            {
                process.Kill();
            }

            // What it printed before it died was acknowledged too. The last line may be torn.
            var words = line.Split(' ');
            if (words is [{ Length: > 0 }, { Length: > 0 }])
            {
                Note(words);
            }
        }

        await process.WaitForExitAsync();
        Assert.Equal(137, process.ExitCode);
    }

    private void Note(string[] words)
    {
        var replica = int.Parse(words[0], CultureInfo.InvariantCulture);
        acknowledged[replica] = Math.Max(acknowledged[replica], ulong.Parse(words[1], CultureInfo.InvariantCulture));
        Acknowledgements++;
    }

    private async Task VerifyAsync()
    {
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        for (var replica = 0; replica < KillWriter.Replicas; replica++)
        {
            await using var storage = await store.OpenReplicaAsync(KillWriter.Name(replica));
            var recovered = storage.Recovered;
            var last = recovered.Snapshot.LastIncluded.Index.Value + (ulong)recovered.Entries.Count;
            Assert.True(last >= acknowledged[replica], $"seed {seed}, replica {replica}: acknowledged {acknowledged[replica]}, found {last}");
            Assert.All(recovered.Entries, entry =>
                Assert.Equal(KillWriter.Payload(replica, entry.Index.Value), Encoding.UTF8.GetString(entry.Payload.Span)));
            entriesRead += recovered.Entries.Count;

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
