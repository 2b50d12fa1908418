using System.Text;
using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

/// <summary>
/// What every <see cref="IReplicaStore"/> promises. A store's tests are a subclass that says how to make one; the promises are in the
/// other parts of this class, one file a theme.
/// </summary>
/// <example>
/// <code>
/// public sealed class MyStoreConformance : ReplicaStoreConformance
/// {
///     protected override Task&lt;StoreUnderTest&gt; CreateAsync() =&gt; MyStoreUnderTest.CreateAsync();
/// }
/// </code>
/// </example>
public abstract partial class ReplicaStoreConformance : IAsyncLifetime
{
    private static readonly ReplicaName Shard = new("orders/1@east");
    private static readonly ReplicaName OtherShard = new("orders/2@east");
    private static readonly ReplicaFounding Founding = new(Configuration(1, 2, 3));

    private StoreUnderTest underTest = null!;

    private IReplicaStore Store => underTest.Store;

    /// <inheritdoc/>
    public async Task InitializeAsync() => underTest = await CreateAsync();

    /// <inheritdoc/>
    public async Task DisposeAsync() => await underTest.DisposeAsync();

    /// <summary>Makes an empty store.</summary>
    protected abstract Task<StoreUnderTest> CreateAsync();

    private static GroupConfiguration Configuration(params ulong[] voters) => new(voters.Select(id => new ReplicaId(id)));

    private static LogEntry Entry(ulong index, ulong term = 1, string? payload = null) => new(
        new EntryId(new Term(term), new LogIndex(index)), EntryKind.Command, Bytes(payload ?? $"command {term}/{index}"));

    private static LogEntry[] Entries(ulong first, ulong last, ulong term = 1) =>
        [.. Enumerable.Range(0, (int)(last - first + 1)).Select(i => Entry(first + (ulong)i, term))];

    private static HardState Voted(ulong term, ulong votedFor, ulong commit = 0) =>
        new(new Term(term), new ReplicaId(votedFor), new LogIndex(commit));

    private static SnapshotMetadata SnapshotAt(ulong index, ulong term = 1, params ulong[] voters) => new(
        new EntryId(new Term(term), new LogIndex(index)), voters.Length == 0 ? Founding.Configuration : Configuration(voters));

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static StateBatch Batch(params (string Key, string? Value)[] changes)
    {
        var batch = new StateBatch();
        foreach (var (key, value) in changes)
        {
            batch.Changes.Add((Bytes(key), value is null ? default(ReadOnlyMemory<byte>?) : Bytes(value)));
        }

        return batch;
    }

    private static StateRow[] Rows(params (string Key, string Value)[] rows) =>
        [.. rows.Select(row => new StateRow(Bytes(row.Key), Bytes(row.Value)))];

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    private static async Task<string?> ReadAsync(IReplicaState state, string key) =>
        await state.GetAsync(Bytes(key)) is { } value ? Text(value) : null;

    private static async Task<string> ScanAsync(IReplicaStateView view, string from = "", string? to = null)
    {
        var rows = new List<string>();
        await foreach (var row in view.ScanAsync(Bytes(from), to is null ? default(ReadOnlyMemory<byte>?) : Bytes(to)))
        {
            rows.Add($"{Text(row.Key)}={Text(row.Value)}");
        }

        return string.Join(' ', rows);
    }

    private static async Task<string> AllRowsAsync(IReplicaStorage storage)
    {
        using var view = storage.State.OpenView();
        return await ScanAsync(view);
    }

    private static void AssertEntries(IReadOnlyList<LogEntry> expected, IReadOnlyList<LogEntry> actual)
    {
        Assert.Equal(expected.Select(entry => (entry.Id, entry.Kind)), actual.Select(entry => (entry.Id, entry.Kind)));
        Assert.All(expected.Zip(actual), pair => Assert.True(pair.First.Payload.Span.SequenceEqual(pair.Second.Payload.Span)));
    }

    private async Task<IReplicaStorage> OpenAsync(ReplicaName? name = null) =>
        await Store.OpenAsync(name ?? Shard, Founding) ?? throw new InvalidOperationException("the replica was not founded");

    private async Task<IReplicaStorage> OpenWithLogAsync(ulong last, ReplicaName? name = null)
    {
        var storage = await OpenAsync(name);
        await storage.WriteAsync(new ReplicaWrite { HardState = Voted(1, 1), Entries = Entries(1, last) });
        return storage;
    }
}
