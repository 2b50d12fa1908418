using System.Collections.Immutable;

namespace MultiDc.Server.Transport;

/// <summary>What the replicas of one silo have to say to replicas of one datacenter at a time: frames of many shards in one call.</summary>
/// <param name="Frames">In the order in which they were handed in.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.RaftParcel")]
internal sealed record RaftParcel([property: Id(0)] ImmutableArray<ReplicaFrame> Frames);
