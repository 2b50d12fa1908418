using System.Diagnostics;
using System.Text;
using MultiDc.Raft;

namespace MultiDc.Storage.Tests;

// A file system of a few megabytes, full for real.
public sealed class FullDiskTests : IDisposable
{
    private const int MiB = 1024 * 1024;

    private readonly TemporaryFolder folders = new();
    private string? mounted;

    public void Dispose()
    {
        if (mounted is not null)
        {
            SmallDisk.Run("umount", "-l", mounted);
        }

        folders.Dispose();
    }

    [SmallDiskFact]
    public async Task A_disk_that_the_store_fills_refuses_writes_and_takes_them_again_by_itself()
    {
        var folder = Mount(96);
        var ballast = Path.Combine(mounted!, "ballast");
        await File.WriteAllBytesAsync(ballast, new byte[40 * MiB]);
        await using var store = await OpenAsync(folder);
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1));
        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "1"), new LogIndex(1));
        var last = await AppendUntilRefusedAsync(storage, 2);

        Assert.Equal(StoreHealth.ReadOnly, store.Health);
        Assert.Equal("1"u8.ToArray(), (await storage.State.GetAsync("a"u8.ToArray()))!.Value.ToArray());
        using (var view = storage.State.OpenView())
        {
            Assert.NotNull(await view.GetAsync("a"u8.ToArray()));
        }

        await storage.State.ApplyAsync(RocksDbTestStore.Put("a", "2"), new LogIndex(2));
        await storage.ConfirmEpochAsync();
        File.Delete(ballast);
        await UntilOkAsync(store);
        await storage.WriteAsync(Append(last + 1));
        await storage.State.FlushAsync();
        await store.DisposeAsync();

        await VerifyAsync(folder, last + 1);
    }

    [SmallDiskFact]
    public async Task A_disk_that_others_fill_to_the_last_byte_loses_nothing_and_resumes_by_itself()
    {
        var folder = Mount(96);
        var ballast = Path.Combine(mounted!, "ballast");
        await using var store = await OpenAsync(folder);
        var storage = await store.OpenReplicaAsync();
        for (var index = 1UL; index <= 64; index++)
        {
            await storage.WriteAsync(Append(index));
        }

        FillToTheLastByte(ballast);
        var full = await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(Append(65)));
        Assert.Contains("too little free space", full.Message, StringComparison.Ordinal);

        // Rows go to memory; to make them durable takes space, and asking for that breaks nothing. RocksDB has some set aside at first.
        var applied = 0UL;
        while (await FlushAsync(storage))
        {
            applied += 4;
            await storage.State.ApplyAsync(RocksDbTestStore.Put("a", $"{applied} {Payload(applied)}"), new LogIndex(applied));
            FillToTheLastByte(ballast);
        }

        Assert.True(storage.State.DurableApplied.Value < applied);
        Assert.Equal(StoreHealth.ReadOnly, store.Health);
        Assert.Equal($"{applied} {Payload(applied)}", Encoding.UTF8.GetString((await storage.State.GetAsync("a"u8.ToArray()))!.Value.Span));
        await storage.ConfirmEpochAsync();

        File.Delete(ballast);
        await UntilOkAsync(store);
        await storage.State.FlushAsync();
        Assert.Equal(new LogIndex(applied), storage.State.DurableApplied);
        await storage.WriteAsync(Append(65));
        await store.DisposeAsync();

        await VerifyAsync(folder, 65);
    }

    [SmallDiskFact]
    public async Task Views_on_a_full_disk_show_the_rows_that_wait_in_memory()
    {
        var folder = Mount(96);
        var ballast = Path.Combine(mounted!, "ballast");
        IReplicaStorage? reader = null;
        await using var store = await OpenAsync(folder, () =>
        {
            // Applied between the writing of what waited and the flush, which in the end finds no space.
            var next = reader!.State.Applied.Value + 1;
            reader.State.ApplyAsync(Change(("b", $"{next}"), ("c", next % 2 == 0 ? "even" : null), ("e", $"{next}")), new LogIndex(next)).AsTask().Wait();
        });
        reader = await store.OpenReplicaAsync(new("orders/2@east"));
        await reader.WriteAsync(RocksDbTestStore.Append(1, 1000));
        await reader.State.ApplyAsync(Change(("a", "1"), ("b", "0"), ("c", "0"), ("d", "1")), new LogIndex(1));
        var storage = await store.OpenReplicaAsync();
        await storage.WriteAsync(RocksDbTestStore.Append(1, 1000));
        for (var index = 1UL; await FlushAsync(storage); index++)
        {
            await storage.State.ApplyAsync(RocksDbTestStore.Put("a", Payload(index)), new LogIndex(index));
            FillToTheLastByte(ballast);
        }

        var applied = reader.State.Applied;
        string[] all = applied.Value % 2 == 0 ? ["a=1", $"b={applied}", "c=even", "d=1", $"e={applied}"] : ["a=1", $"b={applied}", "d=1", $"e={applied}"];
        using var view = reader.State.OpenView();
        Assert.Equal(applied, view.Applied);
        Assert.Equal(all, Scan(view, "", null));
        Assert.Equal(all.Where(static row => row[0] is >= 'b' and < 'e'), Scan(view, "b", "e"));
        Assert.Equal($"{applied}", Encoding.UTF8.GetString((await view.GetAsync("b"u8.ToArray()))!.Value.Span));
        Assert.Equal(applied.Value % 2 == 0, await view.GetAsync("c"u8.ToArray()) is not null);
        Assert.NotNull(await view.GetAsync("d"u8.ToArray()));

        File.Delete(ballast);
        await UntilOkAsync(store);
        await reader.State.ApplyAsync(Change(("b", "later"), ("d", null)), new LogIndex(applied.Value + 1));
        using var later = reader.State.OpenView();
        Assert.Contains("b=later", Scan(later, "", null));
        Assert.Equal(all, Scan(view, "", null));
    }

    private static Task<RocksDbReplicaStore> OpenAsync(string folder, Action? beforeStateFlush = null) => RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folder) with
    {
        BeforeStateFlush = beforeStateFlush,
        FreeSpaceProbe = null,
        MinFreeBytes = 16 * MiB,
        ResumeFreeBytes = 20 * MiB,
        FreeSpaceInterval = TimeSpan.FromMilliseconds(100),
    });

    private static ReplicaWrite Append(ulong index) => new() { Entries = [RocksDbTestStore.Entry(index, Payload(index))] };

    private static StateBatch Change(params (string Key, string? Value)[] rows)
    {
        var batch = new StateBatch();
        batch.Changes.AddRange(rows.Select(static row => ((ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(row.Key), row.Value is { } value ? Encoding.UTF8.GetBytes(value) : (ReadOnlyMemory<byte>?)null)));
        return batch;
    }

    private static string[] Scan(IReplicaStateView view, string from, string? to) =>
        [.. view.ScanAsync(Encoding.UTF8.GetBytes(from), to is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(to)).ToBlockingEnumerable()
            .Select(static row => $"{Encoding.UTF8.GetString(row.Key.Span)}={Encoding.UTF8.GetString(row.Value.Span)}")];

    private static string Payload(ulong index)
    {
        var bytes = new byte[48 * 1024];
        new Random((int)index).NextBytes(bytes);
        return Convert.ToBase64String(bytes);
    }

    private static async Task<ulong> AppendUntilRefusedAsync(IReplicaStorage storage, ulong first)
    {
        for (var index = first; ; index++)
        {
            try
            {
                await storage.WriteAsync(Append(index));
            }
            catch (StoreFullException)
            {
                return index - 1;
            }
        }
    }

    private static void FillToTheLastByte(string file)
    {
        using var stream = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var block = new byte[MiB]; block.Length > 0; block = new byte[block.Length / 2])
        {
            try
            {
                while (true)
                {
                    stream.Write(block);
                }
            }
            catch (IOException)
            {
                // Not that much any more.
            }
        }
    }

    /// <summary>Whether there was still room for it.</summary>
    private static async Task<bool> FlushAsync(IReplicaStorage storage)
    {
        try
        {
            await storage.State.FlushAsync();
            return true;
        }
        catch (StoreFullException)
        {
            return false;
        }
    }

    private static async Task UntilOkAsync(RocksDbReplicaStore store)
    {
        for (var deadline = DateTime.UtcNow.AddMinutes(1); store.Health != StoreHealth.Ok;)
        {
            Assert.True(DateTime.UtcNow < deadline && store.Health == StoreHealth.ReadOnly, $"it is still {store.Health}");
            await Task.Delay(20);
        }
    }

    private static async Task VerifyAsync(string folder, ulong last)
    {
        await using var store = await RocksDbTestStore.OpenAsync(folder);
        var recovered = (await store.OpenReplicaAsync()).Recovered;
        Assert.Equal((int)last, recovered.Entries.Count);
        Assert.All(recovered.Entries.Skip(1), entry => Assert.Equal(Payload(entry.Index.Value), Encoding.UTF8.GetString(entry.Payload.Span)));
    }

    private string Mount(int megabytes)
    {
        mounted = folders.New();
        Directory.CreateDirectory(mounted);
        Assert.Equal(0, SmallDisk.Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m", "none", mounted));
        return Path.Combine(mounted, "store");
    }
}

/// <summary>Whether a test may mount a file system of its own.</summary>
internal static class SmallDisk
{
    /// <summary>Why not; null when it may.</summary>
    public static string? Missing { get; } = Try();

    public static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "a small tmpfs is Linux's";
        }

        using var folders = new TemporaryFolder();
        var folder = folders.New();
        Directory.CreateDirectory(folder);
        return Run("mount", "-t", "tmpfs", "-o", "size=1m", "none", folder) == 0 && Run("umount", folder) == 0
            ? null
            : "mounting a small tmpfs is not permitted here";
    }
}

/// <summary>A test that mounts a small disk.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SmallDiskFactAttribute : FactAttribute
{
    public SmallDiskFactAttribute() => Skip = SmallDisk.Missing;
}
