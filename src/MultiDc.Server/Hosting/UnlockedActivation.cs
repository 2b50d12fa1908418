using System.Runtime.CompilerServices;

namespace MultiDc.Server.Hosting;

/// <summary>
/// How every grain of ours begins that calls others. Orleans 10.4.2 starts an activation under the activation's lock (<c>ActivationData.Start</c>), and what the grain does
/// until it first waits, its first requests included, happens under it. A call to a grain of the same silo takes that one's lock. So two grains that are activated at one moment and call
/// each other, as the ring's and its replica do when a silo starts, wait for each other for ever, with them every thread that calls either, and in the end all
/// of the silo.
/// </summary>
internal static class UnlockedActivation
{
    /// <summary>Awaited first in <see cref="Grain.OnActivateAsync"/>: what follows is a turn of the activation like any other, without the lock.</summary>
    public static YieldAwaitable Begin() => Task.Yield();
}
