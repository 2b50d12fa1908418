using System.Runtime.InteropServices;

namespace MultiDc.Wan.Linux;

/// <summary>Waits for packets, a moment or a call to stop, whichever is first: to some ten microseconds, and without using the processor.</summary>
internal sealed unsafe class PacketPoller : IDisposable
{
    private const int NonBlocking = 0x800, CloseOnExec = 0x80000;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly Libc.PollDescriptor[] descriptors;
    private readonly int wake;

    public PacketPoller(IEnumerable<TunDevice> devices)
    {
        wake = Libc.EventDescriptor(0, NonBlocking | CloseOnExec);
        if (wake < 0)
        {
            throw new IOException($"no event descriptor: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }

        descriptors = [.. devices.Select(static d => d.Descriptor).Append(wake).Select(static d => new Libc.PollDescriptor { Descriptor = d, Wanted = Libc.PollIn })];
    }

    /// <summary>Lets the kernel wake the calling thread as exactly as it can; by default it may be 50 microseconds late.</summary>
    public static void WakeThisThreadExactly() => _ = Libc.ProcessControl(Libc.PrSetTimerSlack, 1, 0, 0, 0);

    /// <summary>Waits.</summary>
    /// <param name="timeoutNanoseconds">How long at most; null: for as long as it takes.</param>
    /// <exception cref="IOException">A device is gone.</exception>
    public void Wait(long? timeoutNanoseconds)
    {
        var limit = timeoutNanoseconds is { } t ? new Libc.TimeSpecification { Seconds = t / NanosecondsPerSecond, Nanoseconds = t % NanosecondsPerSecond } : default;
        fixed (Libc.PollDescriptor* start = descriptors)
        {
            var count = Libc.Poll(start, (nuint)descriptors.Length, timeoutNanoseconds is null ? null : &limit, 0);
            if (count < 0 && Marshal.GetLastPInvokeError() != Libc.Interrupted)
            {
                throw new IOException($"waiting for packets failed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
            }

            if (count <= 0)
            {
                // What the last wait returned would otherwise be taken for this one's.
                foreach (ref var descriptor in descriptors.AsSpan())
                {
                    descriptor.Returned = 0;
                }
            }
        }

        if (Array.Exists(descriptors, static d => (d.Returned & (Libc.PollError | Libc.PollHangUp)) != 0))
        {
            throw new IOException("a TUN device is gone: its namespace or interface was deleted");
        }
    }

    /// <summary>Whether the device at this place has a packet.</summary>
    public bool HasPacket(int device) => (descriptors[device].Returned & Libc.PollIn) != 0;

    /// <summary>Ends the wait under way and every later one. From any thread.</summary>
    public void Wake()
    {
        ulong one = 1;
        _ = Libc.Write(wake, (byte*)&one, sizeof(ulong));
    }

    public void Dispose() => Libc.Close(wake);
}
