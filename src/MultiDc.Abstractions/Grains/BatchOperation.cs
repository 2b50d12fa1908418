using System.Collections.Immutable;

namespace MultiDc.Grains;

/// <summary>
/// Several operations as one, with a condition (the transaction of etcd): if all comparisons hold then these operations, else those, whole, at one revision, as one
/// entry of the log. Operations see what those before them did. When one cannot be carried out (see <see cref="AddOperation"/>), the whole batch is rejected and nothing changed.
/// A key that is written several times counts as written once.
/// </summary>
/// <remarks>
/// All keys must be in one shard: give them a common <c>{tag}</c> (see <see cref="Ring.HashRange.PartitionOf"/>). What shares a shard without, does so by chance. A batch has at most
/// <see cref="MaxCompares"/> comparisons, <see cref="MaxOperations"/> operations in each branch and <see cref="MaxBytes"/> bytes of keys and values, and may read up to
/// <see cref="MaxResultBytes"/>, because the answer is kept for a retry.
/// </remarks>
/// <param name="Key">A key of the batch's shard: the first that it names.</param>
/// <param name="If">The conditions; none: they hold.</param>
/// <param name="Then">What is done when all hold: <see cref="PutOperation"/>, <see cref="DeleteOperation"/>, <see cref="AddOperation"/>, <see cref="AppendOperation"/>, <see cref="MaxOperation"/>, <see cref="GetOperation"/>, <see cref="FenceOperation"/>, without guards of their own.</param>
/// <param name="Else">What is done otherwise.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.BatchOperation")]
public sealed record BatchOperation(
    ReadOnlyMemory<byte> Key, [property: Id(0)] ImmutableArray<Compare> If, [property: Id(1)] ImmutableArray<WriteOperation> Then, [property: Id(2)] ImmutableArray<WriteOperation> Else)
    : WriteOperation(Key)
{
    /// <summary>The most comparisons of a batch.</summary>
    public const int MaxCompares = 128;

    /// <summary>The most operations of a branch.</summary>
    public const int MaxOperations = 128;

    /// <summary>The most bytes of all keys and values together: 2 MiB.</summary>
    public const int MaxBytes = 2 * KeyLimits.MaxValueBytes;

    /// <summary>The most bytes of results, with the keys and a few bytes of each: 64 KiB. Part of the replicated contract.</summary>
    public const int MaxResultBytes = 64 * 1024;

    /// <summary>A batch in the shard of the first key that it names. Null stands for an empty list. Whether it is well formed is looked at when it is written: see <see cref="OperationLimits.DescribeProblem"/>.</summary>
    public static BatchOperation Of(IEnumerable<Compare>? conditions, IEnumerable<WriteOperation>? then, IEnumerable<WriteOperation>? otherwise = null)
    {
        var batch = new BatchOperation(default, [.. conditions ?? []], [.. then ?? []], [.. otherwise ?? []]);
        return batch with { Key = batch.Keys.FirstOrDefault() };
    }

    /// <summary>All keys that it names, of both branches.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Keys => If.Select(static c => c.Key).Concat(Then.Concat(Else).Select(static o => o.Key));
}
