using System.Collections.Immutable;
using MultiDc.Grains;

namespace MultiDc.Client.Tests;

public sealed class OperationLimitsTests
{
    private static readonly byte[] Key = "key"u8.ToArray();

    [Fact]
    public void Batches_within_batches_are_refused_however_many_there_are_and_whatever_is_in_them()
    {
        WriteOperation nested = new DeleteOperation(Key);
        for (var level = 0; level < 20; level++)
        {
            nested = new BatchOperation(Key, [], [.. Enumerable.Repeat(nested, BatchOperation.MaxOperations)], []);
        }

        Assert.Contains("no operation of batches", OperationLimits.DescribeProblem(nested), StringComparison.Ordinal);
        var withDefaults = new BatchOperation(Key, [], [new BatchOperation(Key, default, default, default)], []);
        Assert.Contains("no operation of batches", OperationLimits.DescribeProblem(withDefaults), StringComparison.Ordinal);
        var withNothing = new BatchOperation(Key, [null!], [null!], []);
        Assert.NotNull(OperationLimits.DescribeProblem(withNothing));
    }

    [Fact]
    public void Bytes_are_counted_of_whatever_one_is_given()
    {
        Assert.Equal(8, OperationLimits.BytesOf(new PutOperation(Key, "value"u8.ToArray())));
        Assert.Equal(3, OperationLimits.BytesOf(new AddOperation(Key, 5)));
        Assert.Equal(10, OperationLimits.BytesOf(new CompareAndSetOperation(Key, "old"u8.ToArray(), "newe"u8.ToArray())));
        Assert.Equal(3, OperationLimits.BytesOf(new CompareAndSetOperation(Key, null, ReadOnlyMemory<byte>.Empty)));
        Assert.Equal(0, OperationLimits.BytesOf(new BatchOperation(Key, default, default, default)));
        Assert.Equal(8, OperationLimits.BytesOf(new BatchOperation(Key, [null!], [null!, new PutOperation(Key, "value"u8.ToArray())], ImmutableArray<WriteOperation>.Empty)));
    }
}
