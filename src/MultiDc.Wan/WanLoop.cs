using MultiDc.Wan.Control;
using MultiDc.Wan.Links;
using MultiDc.Wan.Linux;

namespace MultiDc.Wan;

/// <summary>
/// Moves packets between the TUN devices as the <see cref="WanNetwork"/> decides. One thread does all of it; requests from the control
/// socket come between its batches.
/// </summary>
internal sealed class WanLoop(WanNetwork network, IReadOnlyList<TunDevice> devices, TimeProvider time) : IPacketSink, IWanControl, IDisposable
{
    // Between two batches what is due is delivered, so that a flood in one direction delays no other.
    private const int BatchPackets = 64;
    private const int MaxPacketBytes = 65_536;

    private readonly Lock gate = new();
    private readonly PacketPoller poller = new(devices);
    private readonly long started = time.GetTimestamp();
    private long failedWrites;

    /// <summary>Runs until it is told to stop; blocks the calling thread.</summary>
    /// <exception cref="IOException">A device is gone.</exception>
    public void Run(CancellationToken stopping)
    {
        using var stop = stopping.Register(poller.Wake);
        PacketPoller.WakeThisThreadExactly();
        var buffer = new byte[MaxPacketBytes];
        long? wait = null;
        while (!stopping.IsCancellationRequested)
        {
            poller.Wait(wait);
            lock (gate)
            {
                for (var device = 0; device < devices.Count; device++)
                {
                    if (poller.HasPacket(device))
                    {
                        Receive(device, buffer);
                    }
                }

                var now = Now();
                network.DeliverDue(now, this);
                wait = network.NextArrival is { } next ? Math.Max(0, next - now) : null;
            }
        }
    }

    public ControlReply Answer(ControlRequest request)
    {
        lock (gate)
        {
            return ControlDesk.Answer(request, network) with { UptimeSeconds = Now() / 1e9, FailedWrites = failedWrites };
        }
    }

    void IPacketSink.Deliver(int datacenter, ReadOnlySpan<byte> packet)
    {
        if (!devices[datacenter].TryWrite(packet))
        {
            failedWrites++;
        }
    }

    public void Dispose() => poller.Dispose();

    private void Receive(int device, byte[] buffer)
    {
        for (var i = 0; i < BatchPackets; i++)
        {
            var bytes = devices[device].Read(buffer);
            if (bytes == 0)
            {
                return;
            }

            network.Send(device, buffer.AsSpan(0, bytes), Now());
        }
    }

    private long Now() => time.GetElapsedTime(started).Ticks * TimeSpan.NanosecondsPerTick;
}
