using MultiDc.Server.Replication;

namespace MultiDc.Simulation;

/// <summary>What a pump speaks through: encodes once per receiver, as the grains' transport does, and puts the bytes on the network.</summary>
internal sealed class ProcessTransport(SimulatedWorld world, ReplicaProcess process) : IRaftTransport
{
    private readonly List<RaftMessage> together = [];

    public void Send(ReplicaSender sender, IReadOnlyList<RaftMessage> messages)
    {
        world.Checks.Sending(process, messages);
        for (var i = 0; i < messages.Count; i++)
        {
            var to = messages[i].To;
            if (IsNamedBefore(messages, i) || !world.TryGetReplica(to, out var receiver))
            {
                continue;
            }

            together.Clear();
            for (var j = i; j < messages.Count; j++)
            {
                if (messages[j].To == to)
                {
                    together.Add(messages[j]);
                }
            }

            world.Network.Send(process.Replica.Number, receiver.Number, new RaftFrame(
                process.Replica, receiver, new(sender.Address.Shard, sender.Address.Datacenter, sender.StoreId, sender.Epoch.Value, sender.OpeningId, FrameMessages.Encode(together))));
        }
    }

    public Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout)
    {
        // Runs no continuation by itself: the pump's goes back to the pump's scheduler.
        var answer = new TaskCompletionSource<SnapshotChunkReply>();
        if (!world.TryGetReplica(to, out var receiver))
        {
            answer.SetResult(new(false));
            return answer.Task;
        }

        world.Network.Send(process.Replica.Number, receiver.Number, new ChunkParcel(process, receiver, chunk, answer));
        world.Events.After(timeout, () =>
        {
            if (!process.IsEnded && answer.TrySetException(new TimeoutException("no answer to a chunk")))
            {
                world.RareEvents.Hit(RareEvent.SnapshotChunkTimedOut);
            }
        });
        return answer.Task;
    }

    private static bool IsNamedBefore(IReadOnlyList<RaftMessage> messages, int at)
    {
        for (var i = 0; i < at; i++)
        {
            if (messages[i].To == messages[at].To)
            {
                return true;
            }
        }

        return false;
    }
}
