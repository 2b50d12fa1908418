using System.Numerics;

namespace MultiDc.Simulation;

/// <summary>What kind of happening goes into a digest.</summary>
internal enum DigestTag : ulong
{
    Sent = 1,
    Arrived,
    Turn,
    Write,
    Flush,
    Applied,
    Fault,
    Client,
    Process,
}

/// <summary>A running hash of everything that happens in a run, in order. Equal digests: equal runs.</summary>
internal sealed class RunDigest(EventQueue events)
{
    private ulong state = 0x9E3779B97F4A7C15;

    public ulong Value => state;

    public void Add(DigestTag tag, ulong first, ulong second = 0)
    {
        Mix((ulong)events.Now.Ticks ^ ((ulong)tag << 56));
        Mix(first);
        Mix(second);
    }

    private void Mix(ulong value) => state = BitOperations.RotateLeft((state ^ value) * 0xBF58476D1CE4E5B9, 29) + 0x94D049BB133111EB;
}
