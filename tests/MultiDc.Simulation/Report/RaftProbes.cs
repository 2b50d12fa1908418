namespace MultiDc.Simulation;

/// <summary>Counts the rare branches that the cores of a run take.</summary>
internal sealed class RaftProbes : IRaftProbes
{
    private readonly long[] counts = new long[Enum.GetValues<RaftProbe>().Length];

    public IReadOnlyList<long> Counts => counts;

    public void Hit(RaftProbe probe) => counts[(int)probe]++;
}
