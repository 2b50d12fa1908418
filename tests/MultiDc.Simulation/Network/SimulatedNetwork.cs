namespace MultiDc.Simulation;

/// <summary>What travels between two endpoints.</summary>
internal abstract class Parcel
{
    /// <summary>A number that stands for its content in the run's digest.</summary>
    public abstract ulong Fingerprint { get; }

    /// <summary>Whether the network may deliver it twice. A client's call is made at most once; what replicas say to each other has no such promise.</summary>
    public virtual bool MayBeDoubled => true;

    /// <summary>It has arrived.</summary>
    public abstract void Arrive();

    /// <summary>For people.</summary>
    public abstract string Describe();
}

/// <summary>Carries parcels between endpoints: the replicas, and one for the clients of each datacenter. Every directed pair is a link of its own.</summary>
internal sealed class SimulatedNetwork
{
    private readonly EventQueue events;
    private readonly RunRandom random;
    private readonly RunDigest digest;
    private readonly Conversation conversation;
    private readonly RareEvents rareEvents;
    private readonly Link[,] links;
    private readonly IReadOnlyList<string> names;

    public SimulatedNetwork(
        EventQueue events, RunRandom random, RunDigest digest, Conversation conversation, RareEvents rareEvents, IReadOnlyList<string> names,
        Func<int, int, LinkShape> shapeOf)
    {
        (this.events, this.random, this.digest, this.conversation, this.rareEvents, this.names) = (events, random, digest, conversation, rareEvents, names);
        links = new Link[names.Count, names.Count];
        for (var from = 0; from < names.Count; from++)
        {
            for (var to = 0; to < names.Count; to++)
            {
                links[from, to] = new(shapeOf(from, to));
            }
        }
    }

    public int EndpointCount => names.Count;

    /// <summary>Faults have stopped: links lose and double nothing by themselves any more.</summary>
    public bool IsCalm { get; set; }

    public long Sent { get; private set; }

    public Link this[int from, int to] => links[from, to];

    /// <summary>One parcel in so many is kept and arrives minutes late; zero: none.</summary>
    public int LateOneIn { get; set; }

    public void Send(int from, int to, Parcel parcel)
    {
        Sent++;
        var link = links[from, to];
        digest.Add(DigestTag.Sent, (ulong)((from << 8) | to), parcel.Fingerprint);
        if (link.IsCut || link.Loses(random, IsCalm))
        {
            conversation.Tell($"{names[from]} -> {names[to]} lost: ", parcel);
            return;
        }

        Plan(from, to, parcel);
        if (parcel.MayBeDoubled && link.Doubles(random, IsCalm))
        {
            rareEvents.Hit(RareEvent.ParcelDoubled);
            Plan(from, to, parcel);
        }
    }

    private void Plan(int from, int to, Parcel parcel)
    {
        var arrival = links[from, to].Arrival(events.Now, random);
        if (!IsCalm && LateOneIn > 0 && random.OneIn(LateOneIn))
        {
            rareEvents.Hit(RareEvent.ParcelMinutesLate);
            arrival += random.BetweenMilliseconds(5_000, 120_000);
        }

        events.At(arrival, new Journey(this, from, to, parcel));
    }

    private void Arrive(int from, int to, Parcel parcel)
    {
        // What was under way when the link was cut is lost too.
        var isLost = links[from, to].IsCut;
        digest.Add(DigestTag.Arrived, (ulong)((from << 9) | (to << 1) | (isLost ? 1 : 0)), parcel.Fingerprint);
        conversation.Tell($"{names[from]} -> {names[to]} {(isLost ? "lost on the way" : "arrives")}: ", parcel);
        if (!isLost)
        {
            parcel.Arrive();
        }
    }

    private sealed class Journey(SimulatedNetwork network, int from, int to, Parcel parcel) : IOccurrence
    {
        public void Happen() => network.Arrive(from, to, parcel);
    }
}
