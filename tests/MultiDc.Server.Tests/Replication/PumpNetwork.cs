using MultiDc.Raft;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Tests.Replication;

/// <summary>What becomes of something sent.</summary>
internal enum Fate
{
    Deliver,
    Drop,
    Duplicate,

    /// <summary>Kept until <see cref="PumpNetwork.Release"/>.</summary>
    Hold,
}

/// <summary>A Raft message or a snapshot chunk on its way.</summary>
internal sealed record Parcel(DatacenterId From, DatacenterId To, RaftMessage? Message, SnapshotChunk? Chunk, TaskCompletionSource<SnapshotChunkReply>? Reply, int ToOrdinal = 1);

/// <summary>Carries messages between the pumps of a group when the test says so, by the test's rules. Everything passes through the codecs.</summary>
internal sealed class PumpNetwork(GroupMembers members, Func<ReplicaPlace, ReplicaPump?> pumpOf) : IRaftTransport
{
    private readonly List<Parcel> inFlight = [];
    private readonly List<Parcel> held = [];
    private readonly List<(Parcel Parcel, Task<SnapshotChunkReply> Answer)> answers = [];

    /// <summary>Decides about each parcel when it is delivered.</summary>
    public Func<Parcel, Fate> Rule { get; set; } = static _ => Fate.Deliver;

    /// <summary>Datacenters that nothing leaves or reaches.</summary>
    public HashSet<DatacenterId> CutOff { get; } = [];

    /// <summary>Null: in order.</summary>
    public SeededRandomSource? Shuffle { get; set; }

    /// <summary>Told of each message as it leaves its pump, within the pump's turn.</summary>
    public Action<RaftMessage> Sending { get; set; } = static _ => { };

    /// <summary>Everything that was ever sent.</summary>
    public List<Parcel> Sent { get; } = [];

    public int HeldCount => held.Count;

    public void Send(ReplicaSender sender, IReadOnlyList<RaftMessage> messages)
    {
        foreach (var message in messages)
        {
            Sending(message);
            var decoded = FrameMessages.Decode(FrameMessages.Encode([message])).Single();
            var to = members.PlaceOf(message.To)!.Value;
            Add(new(sender.Address.Datacenter, to.Datacenter, decoded, null, null, to.Ordinal));
        }
    }

    public Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout)
    {
        var place = members.PlaceOf(to)!.Value;
        var parcel = new Parcel(sender.Address.Datacenter, place.Datacenter, null, chunk, new(), place.Ordinal);
        Add(parcel);
        return parcel.Reply!.Task;
    }

    /// <summary>Puts held parcels back on their way.</summary>
    public void Release()
    {
        inFlight.AddRange(held);
        held.Clear();
    }

    /// <summary>Delivers what is on its way now; false when there was nothing.</summary>
    public bool Deliver()
    {
        var answered = answers.RemoveAll(static a => a.Answer.IsCompleted && Complete(a.Parcel, a.Answer.Result));
        Parcel[] batch = [.. inFlight];
        inFlight.Clear();
        if (Shuffle is { } random)
        {
            for (var i = batch.Length - 1; i > 0; i--)
            {
                var j = random.Next(0, i + 1);
                (batch[i], batch[j]) = (batch[j], batch[i]);
            }
        }

        foreach (var parcel in batch)
        {
            Deliver(parcel, CutOff.Contains(parcel.From) || CutOff.Contains(parcel.To) ? Fate.Drop : Rule(parcel));
        }

        return batch.Length > 0 || answered > 0;
    }

    /// <summary>Chunks whose receiver never answered time out at their sender.</summary>
    public void TimeOutChunks()
    {
        answers.ForEach(static a => a.Parcel.Reply!.TrySetException(new TimeoutException()));
        answers.Clear();
    }

    private static bool Complete(Parcel parcel, SnapshotChunkReply reply)
    {
        parcel.Reply!.TrySetResult(reply);
        return true;
    }

    private void Add(Parcel parcel)
    {
        Sent.Add(parcel);
        inFlight.Add(parcel);
    }

    private void Deliver(Parcel parcel, Fate fate)
    {
        switch (fate)
        {
            case Fate.Hold:
                held.Add(parcel);
                return;
            case Fate.Drop:
                parcel.Reply?.TrySetException(new TimeoutException());
                return;
            case Fate.Duplicate:
                Hand(parcel);
                break;
        }

        Hand(parcel);
    }

    private void Hand(Parcel parcel)
    {
        if (pumpOf(new(parcel.To, parcel.ToOrdinal)) is not { } pump)
        {
            parcel.Reply?.TrySetException(new TimeoutException());
        }
        else if (parcel.Message is { } message)
        {
            pump.TryDeliver(message);
        }
        else
        {
            var request = (SnapshotRequest)FrameMessages.Decode(parcel.Chunk!.Frame.Messages).Single();
            answers.Add((parcel, pump.TakeChunkAsync(request, parcel.Chunk)));
        }
    }
}
