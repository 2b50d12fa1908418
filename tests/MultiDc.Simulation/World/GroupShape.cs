using System.Collections.Immutable;
using MultiDc.Server.Replication;

namespace MultiDc.Simulation;

/// <summary>Who founds the group and where, and who may come later.</summary>
/// <param name="Datacenters">The datacenter of each founding voter.</param>
/// <param name="Witnesses">Which of these are witnesses.</param>
/// <param name="MinCommitDatacenters">In how many datacenters an entry must be to be committed.</param>
/// <param name="Spares">The datacenter of each replica that is not a member yet.</param>
/// <param name="PreferredLeaders">The datacenters that should lead, most preferred first.</param>
internal sealed record GroupShape(
    IReadOnlyList<int> Datacenters, IReadOnlyList<int> Witnesses, int MinCommitDatacenters, IReadOnlyList<int> Spares, IReadOnlyList<int> PreferredLeaders)
{
    public int DatacenterCount => Datacenters.Concat(Spares).Max() + 1;

    public static GroupShape Draw(RunRandom random)
    {
        int[] spares = [.. Enumerable.Range(0, random.Next(2, 5)).Select(_ => random.Next(3))];
        int[] preferred = [.. random.Branch(3).PickOf<int[]>([], [], [0], [1, 0], [2, 0, 1])];
        return random.Next(20) switch
        {
            0 => new([0], [], 1, spares, preferred),
            1 => new([0, 0, 0, 1, 1], [], 2, spares, preferred),
            2 => new([0, 0, 1, 1, 2], [4], 1, spares, preferred),
            3 or 4 => new([0, 1, 2], [2], 1, spares, preferred),
            5 => new([0, 1, 2], [], 2, spares, preferred),
            < 14 => new([0, 1, 2], [], 1, spares, preferred),
            _ => new([0, 0, 1, 1, 2], [], 1, spares, preferred),
        };
    }

    /// <summary>The name under which the core knows a datacenter.</summary>
    public static DatacenterTag TagOf(int datacenter) => GroupMembers.TagOf(new($"dc{datacenter + 1}"));

    public GroupConfiguration Configuration(IReadOnlyList<SimulatedReplica> founders) => new(founders.Select(static r => r.Id))
    {
        Witnesses = [.. Witnesses.Select(i => founders[i].Id)],
        MinCommitDatacenters = MinCommitDatacenters,
        Datacenters = founders.ToImmutableSortedDictionary(static r => r.Id, static r => TagOf(r.Datacenter)),
    };

    public override string ToString() =>
        $"voters in datacenters ({string.Join(' ', Datacenters.Select((d, i) => $"{d + 1}{(Witnesses.Contains(i) ? "w" : "")}"))}), "
        + $"spares in ({string.Join(' ', Spares.Select(static d => d + 1))}){(MinCommitDatacenters > 1 ? $", commits in {MinCommitDatacenters} datacenters" : "")}"
        + (PreferredLeaders.Count > 0 ? $", led from ({string.Join(' ', PreferredLeaders.Select(static d => d + 1))}) rather" : "");
}
