using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using RocksDbSharp;

namespace MultiDc.Storage.Tests;

public sealed class FolderTests : IDisposable
{
    private readonly TemporaryFolder folders = new();

    public void Dispose() => folders.Dispose();

    [Fact]
    public async Task A_folder_is_free_as_soon_as_its_store_is_closed_though_a_process_is_just_being_started()
    {
        var folder = folders.New();
        var store = await RocksDbTestStore.OpenAsync(folder);

        // What fork leaves a child until it executes its program: the same open folder under another descriptor.
        var held = Directory.GetFileSystemEntries("/proc/self/fd").First(descriptor => TargetOf(descriptor) == folder);
        var copy = Duplicate(int.Parse(Path.GetFileName(held)));
        Assert.True(copy > 0);
        try
        {
            await store.DisposeAsync();
            await (await RocksDbTestStore.OpenAsync(folder)).DisposeAsync();
        }
        finally
        {
            using var closing = new SafeFileHandle(copy, ownsHandle: true);
        }
    }

    // Null: another test has closed it meanwhile.
    private static string? TargetOf(string descriptor)
    {
        try
        {
            return Directory.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.FullName;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private delegate int DuplicateDescriptor(int descriptor);

    private static DuplicateDescriptor Duplicate { get; } =
        Marshal.GetDelegateForFunctionPointer<DuplicateDescriptor>(NativeLibrary.GetExport(NativeLibrary.Load("libc.so.6"), "dup"));

    [Fact]
    public async Task The_folder_is_created_with_its_parents()
    {
        var folder = Path.Combine(folders.New(), "a", "b");
        await using var store = await RocksDbTestStore.OpenAsync(folder);

        Assert.Equal("test", store.Identity.ClusterId);
        Assert.True(Directory.Exists(folder));
    }

    [Fact]
    public async Task A_file_is_no_folder()
    {
        var file = folders.New();
        await File.WriteAllTextAsync(file, "");

        Assert.StartsWith($"data folder {file} is a file", await RefusalAsync(file), StringComparison.Ordinal);
        Assert.Contains("cannot be created", await RefusalAsync(Path.Combine(file, "below")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_named()
    {
        // Nobody can make folders there, root included.
        const string folder = "/proc/multidc/store";
        Assert.StartsWith($"data folder {folder} cannot be created", await RefusalAsync(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_process_opens_a_folder_once()
    {
        var folder = folders.New();
        var store = await RocksDbTestStore.OpenAsync(folder);
        Assert.StartsWith($"data folder {folder} is already open in this process", await RefusalAsync(folder), StringComparison.Ordinal);
        await (await store.OpenReplicaAsync()).WriteAsync(RocksDbTestStore.Append(1, 1));
        await store.DisposeAsync();

        await (await RocksDbTestStore.OpenAsync(folder)).DisposeAsync();
    }

    [Fact]
    public async Task The_folder_of_another_cluster_is_refused_with_both_names()
    {
        var folder = folders.New();
        await (await RocksDbTestStore.OpenAsync(folder)).DisposeAsync();

        var refused = await Assert.ThrowsAsync<StoreOpenException>(
            () => RocksDbReplicaStore.OpenAsync(RocksDbTestStore.Options(folder) with { ClusterId = "other" }));

        Assert.StartsWith($"data folder {folder} belongs to cluster 'test', not to 'other'", refused.Message, StringComparison.Ordinal);
        await (await RocksDbTestStore.OpenAsync(folder)).DisposeAsync();
    }

    [Fact]
    public async Task A_newer_layout_is_refused()
    {
        var folder = folders.New();
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            Put(store, StoreKeys.Identity, [StoreRecords.LayoutVersion + 1, 1, 2, 3]);
        }

        Assert.StartsWith(
            $"data folder {folder} has layout version 2, this program knows up to 1", await RefusalAsync(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_newer_column_family_is_refused()
    {
        var folder = folders.New();
        await (await RocksDbTestStore.OpenAsync(folder)).DisposeAsync();
        var families = new ColumnFamilies { { "log", new() }, { "hard", new() }, { "state", new() }, { "future", new() } };
        using (RocksDb.Open(new DbOptions().SetCreateMissingColumnFamilies(), folder, families))
        {
        }

        Assert.StartsWith($"data folder {folder} was written by a newer program", await RefusalAsync(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_identity_is_refused()
    {
        var folder = folders.New();
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            var record = StoreRecords.EncodeIdentity(store.Identity);
            record[5] ^= 1;
            Put(store, StoreKeys.Identity, record);
        }

        Assert.StartsWith($"data folder {folder} is damaged", await RefusalAsync(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replicas_without_an_identity_are_nobodys()
    {
        var folder = folders.New();
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            await store.OpenReplicaAsync();
            using var batch = new WriteBatch();
            batch.Delete(StoreKeys.Identity, store.Database.Hard.Handle);
            store.Database.WriteSynced(batch);
        }

        Assert.StartsWith($"data folder {folder} holds replicas, but not whose", await RefusalAsync(folder), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Slots_go_on_after_a_restart()
    {
        var folder = folders.New();
        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            await store.OpenReplicaAsync(new ReplicaName("a"));
            await (await store.OpenReplicaAsync(new ReplicaName("b"))).WriteAsync(RocksDbTestStore.Append(1, 3));
        }

        await using (var store = await RocksDbTestStore.OpenAsync(folder))
        {
            Assert.Empty((await store.OpenReplicaAsync(new ReplicaName("c"))).Recovered.Entries);
            Assert.Equal(3, (await store.OpenReplicaAsync(new ReplicaName("b"))).Recovered.Entries.Count);
            Assert.Empty((await store.OpenReplicaAsync(new ReplicaName("a"))).Recovered.Entries);
        }
    }

    [Theory]
    [InlineData(nameof(RocksDbReplicaStoreOptions.Folder))]
    [InlineData(nameof(RocksDbReplicaStoreOptions.ClusterId))]
    [InlineData(nameof(RocksDbReplicaStoreOptions.ResumeFreeBytes))]
    [InlineData(nameof(RocksDbReplicaStoreOptions.WriteBufferBytes))]
    [InlineData(nameof(RocksDbReplicaStoreOptions.MaxQueuedWrites))]
    public async Task Options_that_cannot_be_are_named(string property)
    {
        var options = RocksDbTestStore.Options(folders.New());
        options = property switch
        {
            nameof(options.Folder) => options with { Folder = " " },
            nameof(options.ClusterId) => options with { ClusterId = "" },
            nameof(options.ResumeFreeBytes) => options with { ResumeFreeBytes = options.MinFreeBytes },
            nameof(options.WriteBufferBytes) => options with { WriteBufferBytes = options.CacheBytes + 1 },
            _ => options with { MaxQueuedWrites = 0 },
        };

        var refused = await Assert.ThrowsAsync<ArgumentException>(() => RocksDbReplicaStore.OpenAsync(options));

        Assert.Equal(property, refused.ParamName);
    }

    private static async Task<string> RefusalAsync(string folder) =>
        (await Assert.ThrowsAsync<StoreOpenException>(() => RocksDbTestStore.OpenAsync(folder))).Message;

    private static void Put(RocksDbReplicaStore store, byte[] key, byte[] value)
    {
        using var batch = new WriteBatch();
        batch.Put(key, value, store.Database.Hard.Handle);
        store.Database.WriteSynced(batch);
    }
}
