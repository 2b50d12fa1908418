using System.Collections.Immutable;

namespace MultiDc.Raft.Tests;

/// <summary>Who takes part in a simulated run: a founding configuration, and spare replicas that belong to no group at first.</summary>
internal sealed record Cast(GroupConfiguration Founding, ImmutableArray<ReplicaId> Spares, ImmutableHashSet<ReplicaId> Witnesses)
{
    private const int Datacenters = 3;

    public bool ChangesMembership { get; private init; }

    /// <summary>Ascending from 1, without a gap.</summary>
    public ImmutableArray<ReplicaId> Everybody => [.. Founding.Members.Concat(Spares).Order()];

    public bool IsWitness(ReplicaId id) => Witnesses.Contains(id);

    public static DatacenterTag DatacenterOf(ReplicaId id) => new(1 + (id.Value % Datacenters));

    public static DatacenterTag AnyDatacenter(IRandomSource random) => new((ulong)random.Next(1, Datacenters + 1));

    /// <summary>Full voters, who stay among themselves.</summary>
    public static Cast Of(int size) => new(new GroupConfiguration(Ids(size)), [], []);

    /// <summary>Voters, witnesses and learners as the seed draws them, whose membership changes.</summary>
    public static Cast Draw(ulong seed)
    {
        var random = new SeededRandomSource(~seed);
        var members = Ids(random.Next(1, 7));
        var everybody = Ids(members.Length + random.Next(1, 5));
        var learners = members.Skip(1).Where(_ => random.Next(0, 8) == 0).ToImmutableArray();
        var voters = members.Except(learners).ToArray();
        var withWitnesses = random.Next(0, 2) == 0;
        var witnesses = everybody.Where(id => withWitnesses && !learners.Contains(id) && id.Value % 3 == 2).ToImmutableHashSet();
        while (voters.Count(witnesses.Contains) > voters.Length / 2)
        {
            witnesses = witnesses.Remove(voters.First(witnesses.Contains));
        }

        var founding = new GroupConfiguration(voters)
        {
            Learners = learners,
            Witnesses = [.. voters.Where(witnesses.Contains)],
            Datacenters = ImmutableSortedDictionary<ReplicaId, DatacenterTag>.Empty.AddRange(members.Select(id => KeyValuePair.Create(id, DatacenterOf(id)))),
            MinCommitDatacenters = random.Next(0, 4) == 0 ? 2 : 1,
        };
        Assert.Null(founding.FindFlaw());
        return new(founding, [.. everybody.Except(members)], witnesses) { ChangesMembership = true };
    }

    private static ReplicaId[] Ids(int count) => [.. Enumerable.Range(1, count).Select(static id => new ReplicaId((ulong)id))];
}
