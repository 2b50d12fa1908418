using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

/// <summary>
/// What <see cref="FaultyDisk"/> runs in a process of its own: uses a store, breaks the disk under it, goes on, and prints what came of
/// each step. "acknowledged n": everything up to entry n was.
/// </summary>
internal static class FaultyDiskProgram
{
    public const string ControlVariable = "MULTIDC_FAULTY_DISK";

    public static string Payload(ulong index) => $"command {index}";

    public static async Task<int> RunAsync(string story, string fault, string folder)
    {
        if (story == "create")
        {
            Break(fault);
            await SayAsync("create", async () => await (await OpenAsync(folder)).DisposeAsync());
            return 0;
        }

        await using var store = await OpenAsync(folder);
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 5));
        Console.WriteLine("acknowledged 5");
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        await storage.State.FlushAsync();
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "2"), new LogIndex(2));
        var other = await store.OpenReplicaAsync(new ReplicaName("other"));
        await other.WriteAsync(RocksDbTestStore.Append(1, 1));
        Break(fault);
        switch (story)
        {
            case "append":
                await AppendAsync(storage, 6, 8);
                break;
            case "apply":
                await ApplyWhileASyncHangsAsync(storage, other);
                break;
            case "record":
                await ReadRecordWhileASyncHangsAsync(store);
                break;
            case "flush":
                await SayAsync("flush", async () => await storage.State.FlushAsync());
                Console.WriteLine($"durable {storage.State.DurableApplied}");
                break;
            case "background":
                await AppendUntilNotOkAsync(store, storage);
                break;
            default:
                return 64;
        }

        Console.WriteLine($"health {store.Health}");
        Console.WriteLine($"read {System.Text.Encoding.UTF8.GetString((await storage.State.GetAsync("a"u8.ToArray()))!.Value.Span)}");
        Break("");
        if (store.Health == StoreHealth.ReadOnly)
        {
            await UntilAsync(() => store.Health == StoreHealth.Ok);
            Console.WriteLine("resumed");
        }

        await SayAsync("mended flush", async () => await storage.State.FlushAsync());
        await AppendAsync(storage, store.Health == StoreHealth.Ok ? (story is "append" or "apply" ? 9UL : 6UL) : 6, 9);
        return 0;
    }

    private static Task<RocksDbReplicaStore> OpenAsync(string folder) =>
        RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folder) with { FreeSpaceInterval = TimeSpan.FromMilliseconds(100) });

    private static string Control => Environment.GetEnvironmentVariable(ControlVariable)!;

    private static void Break(string fault) => File.WriteAllText(Control, fault);

    private static Task AppendAsync(IReplicaStorage storage, ulong first, ulong last) => SayAsync("append", async () =>
    {
        await storage.WriteAsync(RocksDbTestStore.Append(first, last));
        Console.WriteLine($"acknowledged {last}");
    });

    private static async Task ApplyWhileASyncHangsAsync(IReplicaStorage storage, IReplicaStorage other)
    {
        var append = AppendAsync(storage, 6, 8);
        await UntilASyncHangsAsync();
        var apply = Task.Run(async () => await other.State.ApplyAsync(RocksDbTestStore.Put("b", "1"), new LogIndex(1)));
        await UntilAsync(() => apply.IsCompleted);
        Console.WriteLine($"applied {other.State.Applied}");
        Console.WriteLine($"append: {(append.IsCompleted ? "answered" : "waits")}");
        Break("");
        await apply;
        await append;
    }

    private static async Task ReadRecordWhileASyncHangsAsync(RocksDbReplicaStore store)
    {
        var put = store.PutRecordAsync("r", "1"u8.ToArray()).AsTask();
        await UntilASyncHangsAsync();
        Console.WriteLine($"record: {((await store.GetRecordAsync("r")) is null ? "none" : "there")}, put: {(put.IsCompleted ? "answered" : "waits")}");
        Break("");
        await put;
        Console.WriteLine($"record: {((await store.GetRecordAsync("r")) is null ? "none" : "there")}");
    }

    private static Task UntilASyncHangsAsync() => UntilAsync(() => File.Exists(Control + ".hangs"));

    /// <summary>So much that RocksDB flushes entries in a thread of its own.</summary>
    private static async Task AppendUntilNotOkAsync(RocksDbReplicaStore store, IReplicaStorage storage)
    {
        var random = new Random(1);
        for (var index = 6UL; index < 200 && store.Health == StoreHealth.Ok; index++)
        {
            var payload = new byte[256 * 1024];
            random.NextBytes(payload);
            try
            {
                await storage.WriteAsync(new ReplicaWrite { Entries = [new(new EntryId(new Term(1), new LogIndex(index)), EntryKind.Command, payload)] });
            }
            catch (StoreFailedException)
            {
                break;
            }
        }

        await UntilAsync(() => store.Health != StoreHealth.Ok);
    }

    private static async Task SayAsync(string what, Func<Task> does)
    {
        try
        {
            await does();
            Console.WriteLine($"{what}: done");
        }
        catch (IOException exception)
        {
            Console.WriteLine($"{what}: {exception.GetType().Name}: {exception.Message}");
        }
    }

    private static async Task UntilAsync(Func<bool> happened)
    {
        for (var deadline = DateTime.UtcNow.AddMinutes(1); !happened();)
        {
            if (DateTime.UtcNow > deadline)
            {
                Console.WriteLine("waited in vain");
                return;
            }

            await Task.Delay(20);
        }
    }
}
