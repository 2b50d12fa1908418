namespace MultiDc.Raft.Tests;

/// <summary>How often each rare branch of the core was taken.</summary>
internal sealed class ProbeCounter : IRaftProbes
{
    private readonly SortedDictionary<RaftProbe, int> hits = [];

    public int this[RaftProbe probe] => hits.GetValueOrDefault(probe);

    public IEnumerable<RaftProbe> NeverHit => Enum.GetValues<RaftProbe>().Where(probe => !hits.ContainsKey(probe));

    public void Hit(RaftProbe probe) => hits[probe] = this[probe] + 1;

    public override string ToString() => string.Join(' ', hits.Select(hit => $"{hit.Key}={hit.Value}"));
}
