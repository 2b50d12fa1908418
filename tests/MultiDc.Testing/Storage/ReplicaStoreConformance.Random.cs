using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

// Random histories on several replicas, with closings and crashes between any two steps, against a model that forgets nothing it should keep.
public abstract partial class ReplicaStoreConformance
{
    /// <summary>Some seeds that stay, and a new one at every run.</summary>
    public static TheoryData<int> Seeds => [1, 2, 3, 4, Random.Shared.Next()];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Random_histories_leave_what_a_plain_model_says(int seed)
    {
        var random = new Random(seed);
        var models = Enumerable.Range(0, 3).Select(i => new ReplicaModel(new ReplicaName($"random/{i}@east"))).ToArray();
        for (var step = 0; step < 250; step++)
        {
            try
            {
                if (random.Next(20) == 0)
                {
                    await (random.Next(3) == 0 ? underTest.ReopenAsync() : underTest.CrashAsync());
                    Array.ForEach(models, model => model.Storage = null);
                }

                await StepAsync(models[random.Next(models.Length)], random);
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"seed {seed}, step {step}: {exception.Message}", exception);
            }
        }
    }

    private async Task StepAsync(ReplicaModel model, Random random)
    {
        if (model.Storage is null || random.Next(25) == 0)
        {
            await OpenAndCompareAsync(model, random);
        }

        await (random.Next(10) switch
        {
            0 or 1 or 2 => AppendAsync(model, random),
            3 => VoteAsync(model, random),
            4 or 5 => ApplyAsync(model, random),
            6 => model.Storage!.State.FlushAsync().AsTask(),
            7 => CompactAsync(model, random),
            8 => InstallAsync(model, random),
            _ => Task.CompletedTask,
        });
        Assert.InRange(model.Storage!.State.DurableApplied.Value, model.Durable.Value, model.Storage.State.Applied.Value);
        model.Durable = model.Storage.State.DurableApplied;
    }

    private async Task OpenAndCompareAsync(ReplicaModel model, Random random)
    {
        if (model.Storage is not null && random.Next(2) == 0)
        {
            await model.Storage.DisposeAsync();
        }

        var storage = model.Storage = await OpenAsync(model.Name);
        Assert.True(storage.Epoch.Value > model.Epoch.Value, $"epoch {storage.Epoch} after {model.Epoch}");
        Assert.Equal(model.HardState, storage.Recovered.HardState);
        Assert.Equal(model.Start, storage.Recovered.Snapshot);
        AssertEntries(model.Log, storage.Recovered.Entries);
        Assert.InRange(storage.Recovered.Applied.Value, model.Durable.Value, model.Applied.Value);
        Assert.Equal(model.RowsAt[storage.Recovered.Applied.Value], await AllRowsAsync(storage));
        (model.Epoch, model.Durable) = (storage.Epoch, storage.Recovered.Applied);
        model.TakeBackTo(storage.Recovered.Applied);
    }

    private static async Task AppendAsync(ReplicaModel model, Random random)
    {
        // What is applied is committed and stays; anything after may be replaced by a later term.
        var keep = random.Next(4) == 0 ? random.NextInt64((long)model.Applied.Value, (long)model.Last + 1) : (long)model.Last;
        model.Term += keep < (long)model.Last ? 1UL : 0UL;
        var entries = Entries((ulong)keep + 1, (ulong)keep + (ulong)random.Next(1, 8), model.Term);
        HardState? voted = random.Next(2) == 0 ? Voted(model.Term, 1, model.Applied.Value) : null;
        await model.Storage!.WriteAsync(new ReplicaWrite { Entries = entries, HardState = voted });
        model.HardState = voted ?? model.HardState;
        model.Log.RemoveRange((int)(keep - (long)model.StartIndex), (int)((long)model.Last - keep));
        model.Log.AddRange(entries);
    }

    private static async Task VoteAsync(ReplicaModel model, Random random)
    {
        var voted = Voted(++model.Term, (ulong)random.Next(1, 4), model.Applied.Value);
        await model.Storage!.WriteAsync(new ReplicaWrite { HardState = voted });
        model.HardState = voted;
    }

    private static async Task ApplyAsync(ReplicaModel model, Random random)
    {
        if (model.Applied.Value == model.Last)
        {
            return;
        }

        var applied = (ulong)random.NextInt64((long)model.Applied.Value + 1, (long)model.Last + 1);
        var changes = Enumerable.Range(0, random.Next(6))
            .Select(_ => ($"{random.Next(12):D2}", random.Next(3) == 0 ? null : $"{applied}/{random.Next(100)}"))
            .ToArray();
        await model.Storage!.State.ApplyAsync(Batch(changes), new LogIndex(applied));
        model.Apply(changes, applied);
        Assert.Equal(model.RowsAt[applied], await AllRowsAsync(model.Storage));
    }

    private static async Task CompactAsync(ReplicaModel model, Random random)
    {
        if (model.Applied.Value <= model.StartIndex)
        {
            return;
        }

        var to = (ulong)random.NextInt64((long)model.StartIndex + 1, (long)model.Applied.Value + 1);
        var snapshot = SnapshotAt(to, model.Log[(int)(to - model.StartIndex - 1)].Id.Term.Value, 1, 2, (ulong)random.Next(3, 9));
        var durable = model.Storage!.State.DurableApplied;
        await model.Storage.CompactToAsync(snapshot);
        if (to <= durable.Value)
        {
            model.Log.RemoveRange(0, (int)(to - model.StartIndex));
            model.Start = snapshot;
        }
    }

    private static async Task InstallAsync(ReplicaModel model, Random random)
    {
        var index = model.Applied.Value + (ulong)random.Next(1, 10);
        var rows = Enumerable.Range(0, 12).Where(_ => random.Next(2) == 0).Select(i => ($"{i:D2}", $"snapshot {index}")).ToArray();
        var snapshot = SnapshotAt(index, model.Term, 1, (ulong)random.Next(2, 9));
        var staged = await StageAsync(model.Storage!, snapshot, rows);
        if (random.Next(3) == 0)
        {
            // Never installed.
            return;
        }

        var entries = Entries(index + 1, index + (ulong)random.Next(1, 4), model.Term)[..random.Next(2)];
        await model.Storage!.WriteAsync(new ReplicaWrite { Install = staged, Entries = entries });
        model.Log.Clear();
        model.Log.AddRange(entries);
        model.Start = snapshot;
        model.Install(rows, index);
        Assert.Equal(model.RowsAt[index], await AllRowsAsync(model.Storage));
    }

    private sealed class ReplicaModel(ReplicaName name)
    {
        private SortedDictionary<string, string> rows = new(StringComparer.Ordinal);
        private readonly Dictionary<ulong, SortedDictionary<string, string>> history = new() { [0] = new(StringComparer.Ordinal) };

        public ReplicaName Name { get; } = name;

        public IReplicaStorage? Storage { get; set; }

        public Epoch Epoch { get; set; }

        public ulong Term { get; set; } = 1;

        public HardState HardState { get; set; }

        public SnapshotMetadata Start { get; set; } = new(EntryId.Zero, Founding.Configuration);

        public List<LogEntry> Log { get; } = [];

        public LogIndex Applied { get; private set; }

        public LogIndex Durable { get; set; }

        public Dictionary<ulong, string> RowsAt { get; } = new() { [0] = "" };

        public ulong StartIndex => Start.LastIncluded.Index.Value;

        public ulong Last => StartIndex + (ulong)Log.Count;

        public void Apply(IEnumerable<(string Key, string? Value)> changes, ulong applied)
        {
            rows = new(rows, StringComparer.Ordinal);
            foreach (var (key, value) in changes)
            {
                _ = value is null ? rows.Remove(key) : (rows[key] = value) is not null;
            }

            Remember(applied);
        }

        public void Install((string Key, string Value)[] installed, ulong index)
        {
            rows = new(installed.ToDictionary(row => row.Key, row => row.Value), StringComparer.Ordinal);
            Remember(index);
            Durable = Applied;
        }

        /// <summary>A crash may leave the rows of an earlier applied index; the log after it is applied again, perhaps in other steps.</summary>
        public void TakeBackTo(LogIndex applied)
        {
            (rows, Applied) = (history[applied.Value], applied);
        }

        private void Remember(ulong applied)
        {
            Applied = new LogIndex(applied);
            history[applied] = rows;
            RowsAt[applied] = string.Join(' ', rows.Select(row => $"{row.Key}={row.Value}"));
        }
    }
}
