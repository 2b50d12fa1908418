using MultiDc.Server.Replication;
using MultiDc.Storage;

namespace MultiDc.Simulation;

/// <summary>One member of the group, or a spare that may become one: a name, an id, a place and a disk. Its processes come and go.</summary>
internal sealed class SimulatedReplica(int number, string name, int datacenter)
{
    private int parcelsWithZombies;

    /// <summary>Its endpoint in the network, too.</summary>
    public int Number => number;

    public string Name => name;

    public int Datacenter => datacenter;

    public ReplicaAddress Address { get; } = new(new("kv", 0), new(name));

    public ReplicaName StoreName => new(Address.ToString());

    public ReplicaId Id { get; } = GroupMembers.IdOf(new(name));

    /// <summary>The store that the group remembers as this replica's home; every other is a stranger's.</summary>
    public Guid HomeStore { get; set; }

    /// <summary>How it is founded on its home; null: it is not.</summary>
    public ReplicaFounding? Founding { get; set; }

    public required SimulatedDisk Disk { get; set; }

    public required ReplicaClock Clock { get; init; }

    /// <summary>The activation that opened the store last; null while it is down.</summary>
    public ReplicaProcess? Process { get; set; }

    /// <summary>Earlier activations that still run.</summary>
    public List<ReplicaProcess> Zombies { get; } = [];

    /// <summary>Whether its machine runs it: it is, or may become, a member.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Whether it is a witness, for as long as its id lives; null: not decided yet.</summary>
    public bool? IsWitness { get; set; }

    /// <summary>Faults that keep it down.</summary>
    public int DownHolds { get; set; }

    /// <summary>Its disk is damaged or was wiped: it never comes back under this id.</summary>
    public bool IsLost { get; set; }

    public IEnumerable<ReplicaProcess> Processes => Process is null ? Zombies : Zombies.Append(Process);

    /// <summary>Which activation a parcel for this replica reaches: mostly the latest.</summary>
    public ReplicaProcess? Receiver
    {
        get
        {
            if (Zombies.Count == 0)
            {
                return Process;
            }

            var reached = (++parcelsWithZombies) % (3 + Zombies.Count);
            return reached < Zombies.Count ? Zombies[reached] : Process;
        }
    }

    public bool IsRunning => Process is { Pump: not null };

    /// <summary>All its processes end at once.</summary>
    public void KillProcesses()
    {
        foreach (var process in Processes.ToArray())
        {
            process.Kill();
        }

        Process = null;
        Zombies.Clear();
    }

    public override string ToString() => name;
}
