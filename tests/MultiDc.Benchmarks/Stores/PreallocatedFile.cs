using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MultiDc.Benchmarks.Stores;

/// <summary>
/// The physical limit: a file that was filled with zeros before, so that neither its length nor its blocks change, written from one end to
/// the other and again, with one fdatasync for all appends that wait. It promises nothing that a store must: no checksum, no order, no recovery.
/// </summary>
internal sealed partial class PreallocatedFile : IAppendTarget
{
    private const long FileBytes = 64 * 1024 * 1024;
    private const int MaxBatchBytes = 8 * 1024 * 1024;

    private readonly byte[] payload;
    private readonly SafeFileHandle file;
    private readonly Lock gate = new();
    private readonly SemaphoreSlim work = new(0);
    private readonly byte[] buffer = new byte[MaxBatchBytes];
    private readonly Thread thread;
    private List<TaskCompletionSource> waiting = [];
    private List<TaskCompletionSource> writing = [];
    private long position;
    private volatile bool stopping;

    private PreallocatedFile(string path, byte[] payload)
    {
        this.payload = payload;
        file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.None);
        for (var at = 0L; at < FileBytes; at += MaxBatchBytes)
        {
            RandomAccess.Write(file, buffer, at);
        }

        Sync();
        thread = new Thread(Run) { IsBackground = true, Name = "raw-commit" };
        thread.Start();
    }

    /// <summary>Makes the file in a folder that is made, too.</summary>
    public static PreallocatedFile Create(string folder, byte[] payload)
    {
        Directory.CreateDirectory(folder);
        return new(Path.Combine(folder, "raw"), payload);
    }

    public ValueTask AppendAsync(int shard)
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            waiting.Add(answer);
        }

        work.Release();
        return new(answer.Task);
    }

    public ValueTask DisposeAsync()
    {
        stopping = true;
        work.Release();
        thread.Join();
        file.Dispose();
        work.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Run()
    {
        while (true)
        {
            work.Wait();
            lock (gate)
            {
                (waiting, writing) = (writing, waiting);
            }

            if (writing.Count == 0)
            {
                if (stopping)
                {
                    return;
                }

                continue;
            }

            try
            {
                Write(writing.Count);
                writing.ForEach(static answer => answer.SetResult());
            }
            catch (IOException exception)
            {
                writing.ForEach(answer => answer.SetException(exception));
            }

            writing.Clear();
        }
    }

    private void Write(int count)
    {
        var bytes = count * payload.Length;
        for (var i = 0; i < count; i++)
        {
            payload.CopyTo(buffer, i * payload.Length);
        }

        if (position + bytes > FileBytes)
        {
            position = 0;
        }

        RandomAccess.Write(file, buffer.AsSpan(0, bytes), position);
        position += bytes;
        Sync();
    }

    private void Sync()
    {
        if (FDataSync(file) != 0)
        {
            throw new IOException($"fdatasync: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);
}
