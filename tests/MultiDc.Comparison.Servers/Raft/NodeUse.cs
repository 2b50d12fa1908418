using System.Buffers.Binary;
using System.Diagnostics.Metrics;

namespace MultiDc.Comparison.Servers.Raft;

/// <summary>What a node's process has used since it started.</summary>
/// <param name="ProcessId">The process.</param>
/// <param name="ProcessorTime">User and kernel time of all threads.</param>
/// <param name="AllocatedBytes">What was allocated on the managed heap.</param>
/// <param name="Flushes">Rounds in which the log waited for its disk; in each it flushes entries, their descriptions and a checkpoint.</param>
internal sealed record NodeUse(int ProcessId, TimeSpan ProcessorTime, long AllocatedBytes, long Flushes)
{
    private const int Bytes = sizeof(int) + (3 * sizeof(long));

    public byte[] Encode()
    {
        var bytes = new byte[Bytes];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, ProcessId);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(4), ProcessorTime.Ticks);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(12), AllocatedBytes);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(20), Flushes);
        return bytes;
    }

    /// <exception cref="InvalidDataException">It is none.</exception>
    public static NodeUse Decode(ReadOnlySpan<byte> bytes) => bytes.Length == Bytes
        ? new(
            BinaryPrimitives.ReadInt32LittleEndian(bytes),
            TimeSpan.FromTicks(BinaryPrimitives.ReadInt64LittleEndian(bytes[4..])),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[20..]))
        : throw new InvalidDataException($"{bytes.Length} bytes are no use of a node");
}

/// <summary>Counts what this process uses. The log tells its flushes with an instrument of its own.</summary>
internal sealed class NodeUseCounter : IDisposable
{
    private readonly MeterListener listener = new();
    private long flushes;

    public NodeUseCounter()
    {
        listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument is { Meter.Name: "DotNext.IO.WriteAheadLog", Name: "entries-flush-duration" })
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, _, _, _) => Interlocked.Increment(ref flushes));
        listener.Start();
    }

    public NodeUse Now() => new(Environment.ProcessId, Environment.CpuUsage.TotalTime, GC.GetTotalAllocatedBytes(), Interlocked.Read(ref flushes));

    public void Dispose() => listener.Dispose();
}
