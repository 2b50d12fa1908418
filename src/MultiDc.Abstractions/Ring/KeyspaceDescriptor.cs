using System.Collections.Immutable;

namespace MultiDc.Ring;

/// <summary>How keys are given to shards.</summary>
public enum Partitioning
{
    /// <summary>By their hashes: evenly spread, and a scan merges all shards.</summary>
    Hash = 0,

    /// <summary>By ranges of keys: a scan goes through them one after the other, and keys that are written in order all meet one shard.</summary>
    Range = 1,
}

/// <summary>What a keyspace must outlive without losing an acknowledged write, and go on serving.</summary>
public enum SurvivalGoal
{
    /// <summary>The loss of any one silo.</summary>
    Silo = 1,

    /// <summary>The loss of any one datacenter.</summary>
    Datacenter = 2,
}

/// <summary>A keyspace: a named set of keys with one policy.</summary>
/// <param name="Name">See <see cref="Names"/>.</param>
/// <param name="ShardCount">How many shards, hence Raft groups; 1 to 4096, for good. Of a range keyspace one more than split points.</param>
/// <param name="Datacenters">Where its replicas are, all of them voters, sorted: one in each, if <see cref="KeyspaceDescriptor.Replicas"/> says nothing else.</param>
/// <param name="Witnesses">Those of them whose replicas hold no data, sorted; default or empty: none.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.KeyspaceDescriptor")]
public sealed record KeyspaceDescriptor(
    [property: Id(0)] string Name,
    [property: Id(1)] int ShardCount,
    [property: Id(2)] ImmutableArray<DatacenterId> Datacenters,
    [property: Id(3)] ImmutableArray<DatacenterId> Witnesses = default)
{
    /// <summary>The most shards of a keyspace.</summary>
    public const int MaxShardCount = 4096;

    /// <summary>The most bytes that all split points of a keyspace may have together.</summary>
    public const int MaxSplitBytes = 64 * 1024;

    [NonSerialized]
    private PlaceList? fullPlaces;

    /// <summary>How keys are given to shards, for good. Default: by hash.</summary>
    [Id(4)]
    public Partitioning Partitioning { get; init; }

    /// <summary>The first keys of the second and each further shard of a range keyspace, ascending, for good; otherwise default or empty.</summary>
    [Id(5)]
    public ImmutableArray<ReadOnlyMemory<byte>> SplitPoints { get; init; }

    /// <summary>
    /// Where leaders should be, best first; a leader elsewhere hands over when a replica in an earlier one is up to date. Default or empty: where
    /// silos are configured to have them (<c>PreferredLeaderDatacenters</c>).
    /// </summary>
    [Id(6)]
    public ImmutableArray<DatacenterId> PreferredLeaders { get; init; }

    /// <summary>The level of reads that name none and belong to no session; null: linearizable.</summary>
    [Id(7)]
    public ReadDefault? ReadDefault { get; init; }

    /// <summary>
    /// The most bytes of a value, at most <see cref="KeyLimits.MaxValueBytes"/>, which is what null means. Larger ones are refused before they are written, by clients and by leaders
    /// as soon as they know of it; what is there already stays. An append is judged by what it appends: only <see cref="KeyLimits.MaxValueBytes"/> bounds what it makes of the value.
    /// </summary>
    [Id(8)]
    public int? MaxValueBytes { get; init; }

    /// <summary>What it must outlive; null: nothing was asked for. A keyspace that cannot is refused.</summary>
    [Id(9)]
    public SurvivalGoal? Survives { get; init; }

    /// <summary>
    /// The most bytes of keys and values that each of its shards should hold; null: as many as the stores have space for. A shard that holds as many takes nothing more
    /// (<see cref="RejectionReason.QuotaExceeded"/>) but deletions, which make room. Its leader sees to it, as soon as it has counted what is there: what is under way meanwhile goes beyond.
    /// </summary>
    [Id(11)]
    public long? MaxShardBytes { get; init; }

    /// <summary>
    /// The ring's version that created it, when a keyspace had been dropped before that; otherwise zero. Part of the names of its shards, so that a keyspace that
    /// takes the name of one that was dropped has nothing in common with it. Given by the ring.
    /// </summary>
    [Id(10)]
    public ulong Incarnation { get; init; }

    /// <summary>What its shards and their replicas are named after, and nobody else's: its name, and its incarnation when it has one, as in <c>orders~17</c>.</summary>
    public string Group => Incarnation == 0 ? Name : $"{Name}{Names.IncarnationMark}{Incarnation}";

    /// <summary>
    /// How many replicas each of <see cref="Datacenters"/> has, in their order, for good; each is on a silo of its own. 1 to <see cref="ReplicaPlace.MaxPerDatacenter"/>, a
    /// witness has 1. Default or empty: one in each.
    /// </summary>
    [Id(16)]
    public ImmutableArray<int> Replicas { get; init; }

    /// <summary>The places of its replicas: those of each shard.</summary>
    public ImmutableArray<ReplicaPlace> Places => ReplicaPlace.In(Datacenters, Replicas);

    /// <summary>Those of <see cref="Places"/> where a replica may lead and serve: no witness is.</summary>
    public IReadOnlyList<ReplicaPlace> FullPlaces
    {
        get
        {
            // Asked for by every request.
            if (fullPlaces is not { } known || known.Datacenters != Datacenters || known.Witnesses != Witnesses || known.Replicas != Replicas)
            {
                fullPlaces = known = new(Datacenters, Witnesses, Replicas, [.. Places.Where(place => !KnownWitnesses.Contains(place.Datacenter))]);
            }

            return known.Places;
        }
    }

    /// <summary>How many replicas of each shard a datacenter has.</summary>
    public int ReplicasIn(DatacenterId datacenter) => Datacenters.IndexOf(datacenter) is >= 0 and var at ? Replicas.IsDefaultOrEmpty ? 1 : Replicas[at] : 0;

    /// <summary>Where a replica may lead and serve: all datacenters but the witnesses.</summary>
    public ImmutableArray<DatacenterId> FullDatacenters => Witnesses.IsDefaultOrEmpty ? Datacenters : [.. Datacenters.Where(d => !Witnesses.Contains(d))];

    /// <summary>Whether it has nothing but what the first version had, and witnesses.</summary>
    public bool HasNoPolicy =>
        Partitioning == Partitioning.Hash && Splits.IsEmpty && HasOneReplicaEach && IsUnaltered;

    /// <summary>Whether no datacenter has several replicas of a shard.</summary>
    public bool HasOneReplicaEach => Replicas.IsDefaultOrEmpty || Replicas.All(static count => count == 1);

    /// <summary>Whether nothing is said about what can be altered.</summary>
    internal bool IsUnaltered => Leaders.IsEmpty && ReadDefault is null && MaxValueBytes is null && MaxShardBytes is null && Survives is null;

    /// <summary>A keyspace whose shards are ranges of keys.</summary>
    /// <param name="name">See <see cref="Names"/>.</param>
    /// <param name="splitPoints">The first keys of the second and each further shard, ascending; none: one shard.</param>
    /// <param name="datacenters">Where its replicas are, sorted; default: in all.</param>
    public static KeyspaceDescriptor OfRanges(string name, IEnumerable<ReadOnlyMemory<byte>> splitPoints, ImmutableArray<DatacenterId> datacenters = default)
    {
        ImmutableArray<ReadOnlyMemory<byte>> splits = [.. splitPoints];
        return new(name, splits.Length + 1, datacenters) { Partitioning = Partitioning.Range, SplitPoints = splits };
    }

    /// <summary>Which keys belong to a shard.</summary>
    public KeyRange RangeOf(int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, ShardCount);
        return Partitioning == Partitioning.Hash
            ? HashRange.OfShard(number, ShardCount)
            : KeyRange.OfKeys(number == 0 ? default : Splits[number - 1], number == Splits.Length ? (ReadOnlyMemory<byte>?)null : Splits[number]);
    }

    /// <summary>The shard of a number, from zero up.</summary>
    public ShardId ShardAt(int number) => new(Group, number);

    /// <summary>The shard that holds a key.</summary>
    public ShardId ShardOf(ReadOnlySpan<byte> key)
    {
        if (Partitioning == Partitioning.Hash)
        {
            return ShardAt(HashRange.ShardOf(HashRange.HashOf(key), ShardCount));
        }

        // The number of split points that are not greater.
        var (low, high) = (0, Splits.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = key.SequenceCompareTo(Splits[middle].Span) >= 0 ? (middle + 1, high) : (low, middle);
        }

        return ShardAt(low);
    }

    /// <summary>Says what is wrong with the descriptor, or null.</summary>
    public string? DescribeProblem() =>
        !Names.IsKeyspace(Name) ? $"'{Name}' is no keyspace name: {Names.Rule}"
        : ShardCount is < 1 or > MaxShardCount ? $"keyspace '{Name}': {ShardCount} shards; 1 to {MaxShardCount} are allowed"
        : Datacenters.IsDefaultOrEmpty ? $"keyspace '{Name}' has no datacenter"
        : !Datacenters.SequenceEqual(Datacenters.Distinct().Order()) ? $"keyspace '{Name}': its datacenters {string.Join(", ", Datacenters)} are not sorted and distinct"
        : !KnownWitnesses.SequenceEqual(Datacenters.Where(KnownWitnesses.Contains)) ? $"keyspace '{Name}': its witnesses {string.Join(", ", KnownWitnesses)} are not sorted, distinct and among its datacenters"
        : KnownWitnesses.Length > 0 && 2 * KnownWitnesses.Length >= Datacenters.Length ? $"keyspace '{Name}': more of its datacenters must hold data than are witnesses"
        : DescribeReplicasProblem() is { } replicas ? $"keyspace '{Name}': {replicas}"
        : DescribePolicyProblem() is { } problem ? $"keyspace '{Name}': {problem}"
        : null;

    /// <summary>Says why its limits forbid a write, or null.</summary>
    public string? DescribeProblem(Grains.WriteOperation operation) => operation switch
    {
        Grains.PutOperation put => DescribeValueProblem(put.Value.Length),
        Grains.CompareAndSetOperation set => DescribeValueProblem(set.Value.Length),
        Grains.AppendOperation append => DescribeValueProblem(append.Value.Length),
        Grains.BatchOperation batch => batch.Then.Concat(batch.Else).Select(DescribeProblem).FirstOrDefault(static problem => problem is not null),
        _ => null,
    };

    private string? DescribeValueProblem(int length) =>
        length > MaxValueBytes ? $"the value has {length} bytes; keyspace '{Name}' allows at most {MaxValueBytes}" : null;

    /// <summary>Says where another keyspace differs in what is for good, or null.</summary>
    public string? DescribeOther(KeyspaceDescriptor other) =>
        ShardCount != other.ShardCount ? $"it has {ShardCount} shards, not {other.ShardCount}"
        : !Datacenters.SequenceEqual(other.Datacenters) ? $"its replicas are in {string.Join(", ", Datacenters)}, not in {string.Join(", ", other.Datacenters)}"
        : !Datacenters.Select(ReplicasIn).SequenceEqual(Datacenters.Select(other.ReplicasIn)) ? $"it has {DescribeReplicas()} replicas in {string.Join(", ", Datacenters)}, not {other.DescribeReplicas()}"
        : !KnownWitnesses.SequenceEqual(other.KnownWitnesses) ? $"its witnesses are {Words(KnownWitnesses)}, not {Words(other.KnownWitnesses)}"
        : Partitioning != other.Partitioning ? $"its keys are given to shards by {Words(Partitioning)}, not by {Words(other.Partitioning)}"
        : !SameSplits(other) ? "its shards are split at other keys"
        : null;

    /// <inheritdoc/>
    public bool Equals(KeyspaceDescriptor? other) => other is not null && Name == other.Name && Incarnation == other.Incarnation && DescribeOther(other) is null
        && Leaders.SequenceEqual(other.Leaders) && ReadDefault == other.ReadDefault && MaxValueBytes == other.MaxValueBytes
        && MaxShardBytes == other.MaxShardBytes && Survives == other.Survives;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, ShardCount, Datacenters.Length);

    // A sender of an earlier version leaves these out.
    private ImmutableArray<DatacenterId> KnownWitnesses => Witnesses.IsDefault ? [] : Witnesses;

    private ImmutableArray<DatacenterId> Leaders => PreferredLeaders.IsDefault ? [] : PreferredLeaders;

    private ImmutableArray<ReadOnlyMemory<byte>> Splits => SplitPoints.IsDefault ? [] : SplitPoints;

    private bool SameSplits(KeyspaceDescriptor other) =>
        Splits.Length == other.Splits.Length && Splits.Zip(other.Splits).All(static pair => pair.First.Span.SequenceEqual(pair.Second.Span));

    private string? DescribePolicyProblem() =>
        !Enum.IsDefined(Partitioning) ? "its partitioning is neither by hash nor by range"
        : Partitioning == Partitioning.Hash && !Splits.IsEmpty ? "only a keyspace of ranges has split points"
        : Partitioning == Partitioning.Range && Splits.Length != ShardCount - 1 ? $"{ShardCount} shards are split at {ShardCount - 1} keys, not at {Splits.Length}"
        : Splits.Sum(static split => (long)split.Length) > MaxSplitBytes ? $"its split points have more than {MaxSplitBytes} bytes together"
        : Splits.Select(static split => KeyLimits.DescribeKeyProblem(split.Span)).FirstOrDefault(static problem => problem is not null) is { } badSplit ? $"a split point is no key: {badSplit}"
        : Splits.Zip(Splits.Skip(1)).Any(static pair => pair.First.Span.SequenceCompareTo(pair.Second.Span) >= 0) ? "its split points do not ascend"
        : Leaders.Distinct().Count() != Leaders.Length ? "a preferred leader is named twice"
        : Leaders.FirstOrDefault(leader => !Datacenters.Contains(leader)) is { Value: not null } elsewhere ? $"its leaders cannot be in '{elsewhere}', where it has no replica"
        : Leaders.FirstOrDefault(KnownWitnesses.Contains) is { Value: not null } witness ? $"its leaders cannot be in '{witness}', which is a witness"
        : ReadDefault?.DescribeProblem() is { } badDefault ? badDefault
        : MaxValueBytes is < 1 or > KeyLimits.MaxValueBytes ? $"values of at most {MaxValueBytes} bytes; 1 to {KeyLimits.MaxValueBytes} are allowed"
        : MaxShardBytes < 1 ? $"shards of at most {MaxShardBytes} bytes; at least 1 is allowed"
        : Survives is { } goal ? DescribeWhyNot(goal)
        : null;

    private string? DescribeReplicasProblem() =>
        Replicas.IsDefaultOrEmpty ? null
        : Replicas.Length != Datacenters.Length ? $"it has {Datacenters.Length} datacenters, and says of {Replicas.Length} how many replicas they have"
        : Datacenters.FirstOrDefault(datacenter => ReplicasIn(datacenter) is < 1 or > ReplicaPlace.MaxPerDatacenter) is { Value: not null } many
            ? $"{ReplicasIn(many)} replicas in '{many}'; 1 to {ReplicaPlace.MaxPerDatacenter} are allowed"
        : KnownWitnesses.FirstOrDefault(witness => ReplicasIn(witness) > 1) is { Value: not null } witness ? $"'{witness}' is a witness, and of those there is one replica in a datacenter"
        : null;

    private string DescribeReplicas() => string.Join("+", Datacenters.Select(ReplicasIn));

    // No two replicas are on one silo, so a silo takes one with it, and a datacenter all that it has. A majority must be left.
    private string? DescribeWhyNot(SurvivalGoal goal) =>
        !Enum.IsDefined(goal) ? "it can outlive the loss of a silo or of a datacenter, and of nothing else"
        : goal == SurvivalGoal.Silo ? (Voters - 1 >= Majority ? null : $"{DescribeVoters()} it cannot outlive the loss of the silo that has one: {DescribeLeft(1)}. It takes three replicas, of which one may be a witness")
        : Datacenters.Length < 3 ? $"with replicas in {Datacenters.Length} {(Datacenters.Length == 1 ? "datacenter" : "datacenters")} it cannot outlive the loss of one: a majority must be left, so it takes three, of which one may be a witness"
        : Datacenters.FirstOrDefault(datacenter => Voters - ReplicasIn(datacenter) < Majority) is { Value: not null } heavy
            ? $"{DescribeVoters()} it cannot outlive the loss of '{heavy}': {DescribeLeft(ReplicasIn(heavy))}"
        : null;

    private int Voters => Datacenters.Sum(ReplicasIn);

    private int Majority => (Voters / 2) + 1;

    private string DescribeVoters() => $"with {DescribeReplicas()} {(Voters == 1 ? "replica" : "replicas")} in {string.Join(", ", Datacenters)}";

    private string DescribeLeft(int lost) => $"{Voters - lost} of {Voters} would be left, and a majority is {Majority}";

    // What the places were made of: a copy with other datacenters makes them anew.
    private sealed record PlaceList(ImmutableArray<DatacenterId> Datacenters, ImmutableArray<DatacenterId> Witnesses, ImmutableArray<int> Replicas, IReadOnlyList<ReplicaPlace> Places);

    private static string Words(ImmutableArray<DatacenterId> witnesses) => witnesses.IsEmpty ? "none" : string.Join(", ", witnesses);

    private static string Words(Partitioning partitioning) => partitioning == Partitioning.Hash ? "hash" : "range";
}
