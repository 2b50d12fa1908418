using System.Runtime.InteropServices;
using System.Text;

namespace MultiDc.Wan.Linux;

/// <summary>A TUN device: what the kernel routes into its interface is read from it, and what is written to it the kernel receives.</summary>
internal sealed unsafe class TunDevice : IDisposable
{
    private const string Path = "/dev/net/tun";
    private const int ReadWrite = 2, NonBlocking = 0x800, CloseOnExec = 0x80000;
    private const short Tun = 1, NoPacketInformation = 0x1000;
    private const int MaxNameBytes = 15;

    private TunDevice(int descriptor) => Descriptor = descriptor;

    public int Descriptor { get; }

    /// <summary>Opens the device of an interface in a network namespace. The interface is made when it is missing, and then goes with the device.</summary>
    /// <param name="networkNamespace">The namespace's file, such as <c>/run/netns/dc1</c>; null for this process's own.</param>
    /// <param name="interfaceName">The interface, at most 15 characters.</param>
    /// <exception cref="IOException">Not permitted, or there is no such namespace; the message is for the operator.</exception>
    public static TunDevice Open(string? networkNamespace, string interfaceName)
    {
        TunDevice? device = null;
        IOException? problem = null;

        // A thread's namespace stays with it: this one does nothing else, and ends.
        var thread = new Thread(() =>
        {
            try
            {
                if (networkNamespace is not null)
                {
                    Enter(networkNamespace);
                }

                device = Open(interfaceName);
            }
            catch (IOException exception)
            {
                problem = exception;
            }
        })
        {
            Name = $"open {interfaceName}",
        };
        thread.Start();
        thread.Join();
        return device ?? throw problem!;
    }

    /// <summary>Reads one packet; 0 when there is none now.</summary>
    /// <exception cref="IOException">The device is gone.</exception>
    public int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            var count = Libc.Read(Descriptor, start, (nuint)buffer.Length);
            return count >= 0 ? (int)count
                : Marshal.GetLastPInvokeError() is Libc.TryAgain or Libc.Interrupted ? 0
                : throw Failed("a packet cannot be read");
        }
    }

    /// <summary>Writes one packet; false when the kernel would not have it (the interface is down).</summary>
    public bool TryWrite(ReadOnlySpan<byte> packet)
    {
        fixed (byte* start = packet)
        {
            return Libc.Write(Descriptor, start, (nuint)packet.Length) == packet.Length;
        }
    }

    public void Dispose() => Libc.Close(Descriptor);

    private static void Enter(string networkNamespace)
    {
        var descriptor = Libc.Open(networkNamespace, CloseOnExec);
        if (descriptor < 0)
        {
            throw Failed($"network namespace {networkNamespace} cannot be opened");
        }

        try
        {
            if (Libc.SetNamespace(descriptor, Libc.CloneNewNet) != 0)
            {
                throw Failed($"network namespace {networkNamespace} cannot be entered");
            }
        }
        finally
        {
            _ = Libc.Close(descriptor);
        }
    }

    private static TunDevice Open(string interfaceName)
    {
        var name = Encoding.ASCII.GetBytes(interfaceName);
        if (name.Length is 0 or > MaxNameBytes)
        {
            throw new IOException($"'{interfaceName}' is no name of an interface: 1 to {MaxNameBytes} characters");
        }

        var descriptor = Libc.Open(Path, ReadWrite | NonBlocking | CloseOnExec);
        if (descriptor < 0)
        {
            throw Failed($"{Path} cannot be opened");
        }

        var request = new Libc.InterfaceRequest { Flags = Tun | NoPacketInformation };
        name.CopyTo(new Span<byte>(request.Name, name.Length));
        if (Libc.Control(descriptor, Libc.TunSetInterface, ref request) != 0)
        {
            var problem = Failed($"interface {interfaceName} cannot be had");
            _ = Libc.Close(descriptor);
            throw problem;
        }

        return new(descriptor);
    }

    private static IOException Failed(string what) => new($"{what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
}
