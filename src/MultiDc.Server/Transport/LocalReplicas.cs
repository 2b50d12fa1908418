using System.Collections.Concurrent;

namespace MultiDc.Server.Transport;

/// <summary>A replica that runs on this silo, as those see it who bring it frames and news.</summary>
internal interface ILocalReplica
{
    /// <summary>Takes the frame, or drops it; false when that can only be decided in the replica's grain. From any thread.</summary>
    bool TryTake(ReplicaFrame frame);

    /// <summary>A datacenter seems to be gone. From any thread.</summary>
    void Miss(DatacenterId datacenter);

    /// <summary>This silo is about to stop: hands over the leadership, if it leads. Ends when it leads no more, or cannot help it. From any thread.</summary>
    Task HandOverLeadershipAsync();
}

/// <summary>The replicas that run on this silo.</summary>
internal sealed class LocalReplicas
{
    private readonly ConcurrentDictionary<ReplicaAddress, ILocalReplica> running = new();

    /// <summary>The replica runs here from now on; of two activations the later counts.</summary>
    public void Add(ReplicaAddress address, ILocalReplica replica) => running[address] = replica;

    /// <summary>This activation of the replica does not run any more.</summary>
    public void Remove(ReplicaAddress address, ILocalReplica replica) => running.TryRemove(KeyValuePair.Create(address, replica));

    /// <summary>All of them, as they are now.</summary>
    public IReadOnlyCollection<ReplicaAddress> All => [.. running.Keys];

    /// <summary>Whether the replica runs here.</summary>
    public bool Contains(ReplicaAddress address) => running.ContainsKey(address);

    /// <summary>Tells all of them that a datacenter seems to be gone.</summary>
    public void Miss(DatacenterId datacenter)
    {
        foreach (var replica in running.Values)
        {
            replica.Miss(datacenter);
        }
    }

    /// <summary>Has all of them hand over what they lead.</summary>
    public Task HandOverLeadershipAsync() => Task.WhenAll(running.Values.Select(static replica => replica.HandOverLeadershipAsync()));

    /// <summary>False: the replica does not run here, or its grain must decide.</summary>
    public bool TryTake(ReplicaAddress address, ReplicaFrame frame) => running.TryGetValue(address, out var replica) && replica.TryTake(frame);
}
