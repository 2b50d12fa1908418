using System.Collections.Concurrent;

namespace MultiDc.Server.Transport;

/// <summary>A replica that runs on this silo, as those see it who bring it frames.</summary>
internal interface IFrameReceiver
{
    /// <summary>Takes the frame, or drops it; false when that can only be decided in the replica's grain. From any thread.</summary>
    bool TryTake(ReplicaFrame frame);
}

/// <summary>The replicas that run on this silo.</summary>
internal sealed class LocalReplicas
{
    private readonly ConcurrentDictionary<ReplicaAddress, IFrameReceiver> running = new();

    /// <summary>The replica runs here from now on; of two activations the later counts.</summary>
    public void Add(ReplicaAddress address, IFrameReceiver replica) => running[address] = replica;

    /// <summary>This activation of the replica does not run any more.</summary>
    public void Remove(ReplicaAddress address, IFrameReceiver replica) => running.TryRemove(KeyValuePair.Create(address, replica));

    /// <summary>False: the replica does not run here, or its grain must decide.</summary>
    public bool TryTake(ReplicaAddress address, ReplicaFrame frame) => running.TryGetValue(address, out var replica) && replica.TryTake(frame);
}
