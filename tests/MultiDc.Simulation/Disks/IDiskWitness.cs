using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>Sees everything that the openings of a disk ask of it, at the moment they ask.</summary>
internal interface IDiskWitness
{
    /// <summary>The opening writes; <paramref name="before"/> is the accepted log that the write changes.</summary>
    void Writing(SimulatedStorage opening, ReplicaWrite write, LogImage before);

    /// <summary>The opening has applied entries up to the table's index.</summary>
    void Applied(SimulatedStorage opening, StateTable state);

    /// <summary>A snapshot has become the state.</summary>
    void Installed(SimulatedStorage opening, SnapshotMetadata snapshot, StateTable state);

    /// <summary>The opening's log now begins after the snapshot.</summary>
    void Compacted(SimulatedStorage opening, SnapshotMetadata to);

    /// <summary>A flush of so many writes is durable.</summary>
    void Flushed(SimulatedDisk disk, int writes);
}
