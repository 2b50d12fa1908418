using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Routing.Links;

/// <summary>
/// The way to one datacenter's grains: the grain factory of this Orleans cluster when the datacenter is part of it, an embedded Orleans
/// client of the datacenter's own cluster when it is not. Grain references never cross clusters (they would silently bind to the
/// receiver's), so callers pass datacenter and key, and ask here for the reference each time.
/// </summary>
public interface IDatacenterLink
{
    /// <summary>The datacenter.</summary>
    DatacenterId Datacenter { get; }

    /// <summary>Whether the datacenter answered lately. A hint: what is said to be up may be gone, and what is said to be down may answer.</summary>
    bool IsUp => true;

    /// <summary>The measured round-trip time; null for a datacenter of this process's own cluster, and before the first answer.</summary>
    TimeSpan? RoundTripTime => null;

    /// <summary>
    /// Cancelled when calls that are made now have lost their way back: the connection they travel on was closed. What was asked may have been done.
    /// Never cancelled for a datacenter of this process's own cluster.
    /// </summary>
    CancellationToken Lost => CancellationToken.None;

    /// <summary>
    /// A call over this link was not answered in time, though its connection was not closed. After some, calls go by another gateway of the datacenter.
    /// </summary>
    void NoteUnanswered()
    {
    }

    /// <summary>
    /// Raised, on a thread of the pool, when a connection was closed and no gateway of the datacenter answers any more: mostly the other side closed
    /// it, because its processes are gone. A hint, like <see cref="IsUp"/>. Never raised for a datacenter of this process's own cluster.
    /// </summary>
    event Action Severed
    {
        add { }
        remove { }
    }

    /// <summary>
    /// A reference to a grain of that datacenter; false while the link has never been up. True says nothing of whether a call will get
    /// through: callers set their own deadlines.
    /// </summary>
    bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
        where TGrain : class, IGrainWithStringKey;
}

/// <summary>The links to all datacenters.</summary>
public interface IDatacenterLinks
{
    /// <summary>The datacenter this process is in.</summary>
    DatacenterId Local { get; }

    /// <summary>All datacenters of the system, this one included, in the order of the options.</summary>
    IReadOnlyList<DatacenterId> Datacenters { get; }

    /// <summary>Those of <see cref="Datacenters"/> that hold no data, as this process was told, sorted.</summary>
    ImmutableArray<DatacenterId> Witnesses => [];

    /// <summary>Those of <see cref="Datacenters"/> that are no <see cref="Witnesses"/>: where replicas may lead.</summary>
    IReadOnlyList<DatacenterId> FullDatacenters => Witnesses.IsEmpty ? Datacenters : [.. Datacenters.Where(d => !Witnesses.Contains(d))];

    /// <summary>Where the replicas of the ring's own shard are that may lead: one in each of <see cref="FullDatacenters"/>.</summary>
    IReadOnlyList<ReplicaPlace> RingPlaces => [.. FullDatacenters.Select(static datacenter => new ReplicaPlace(datacenter))];

    /// <summary>The link to a datacenter; false for a name that is not in the options.</summary>
    bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link);
}
