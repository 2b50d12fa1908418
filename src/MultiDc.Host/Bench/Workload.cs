using MultiDc.Raft;

namespace MultiDc.Host.Bench;

/// <summary>What one operation of a benchmark does.</summary>
internal enum OperationKind
{
    /// <summary>Sets a key.</summary>
    Put,

    /// <summary>Reads a key, linearizably.</summary>
    Get,

    /// <summary>Reads a key, then sets it; counted and timed as one.</summary>
    ReadModifyWrite,

    /// <summary>Reads up to so many keys in order, from one on, each linearizably.</summary>
    Scan,

    /// <summary>Sets a key that was not there.</summary>
    Insert,

    /// <summary>Calls a server that does nothing.</summary>
    Ping,
}

/// <summary>A named mix of operations. The letters are those of YCSB (Cooper et al., SoCC 2010).</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="ReadShare">How many of the operations are reads.</param>
/// <param name="Other">What the others are.</param>
/// <param name="UsualDistribution">How its keys are chosen when nothing else is asked for.</param>
/// <param name="Read">What a read is.</param>
internal sealed record Workload(string Name, double ReadShare, OperationKind Other, KeyDistribution UsualDistribution, OperationKind Read = OperationKind.Get)
{
    /// <summary>All that can be run.</summary>
    public static readonly IReadOnlyList<Workload> All =
    [
        new("put", 0, OperationKind.Put, KeyDistribution.Uniform),
        new("get", 1, OperationKind.Put, KeyDistribution.Uniform),
        new("ycsb-a", 0.5, OperationKind.Put, KeyDistribution.Zipfian),
        new("ycsb-b", 0.95, OperationKind.Put, KeyDistribution.Zipfian),
        new("ycsb-c", 1, OperationKind.Put, KeyDistribution.Zipfian),
        new("ycsb-e", 0.95, OperationKind.Insert, KeyDistribution.Zipfian, OperationKind.Scan),
        new("ycsb-f", 0.5, OperationKind.ReadModifyWrite, KeyDistribution.Zipfian),
        new("ping", 0, OperationKind.Ping, KeyDistribution.Uniform),
    ];

    /// <summary>Known, and why it cannot be run.</summary>
    public static readonly IReadOnlyDictionary<string, string> NotYet = new Dictionary<string, string>
    {
        ["ycsb-d"] = "ycsb-d reads what was inserted last; it is not part of this benchmark",
    };

    public OperationKind Next(IRandomSource random) => ReadShare >= 1 || (ReadShare > 0 && random.NextDouble() < ReadShare) ? Read : Other;
}
