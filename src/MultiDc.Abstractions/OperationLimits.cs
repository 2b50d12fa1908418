using MultiDc.Grains;

namespace MultiDc;

/// <summary>What a well-formed operation looks like; checked by clients, and again by replicas before anything is logged.</summary>
public static class OperationLimits
{
    /// <summary>Says what is wrong with an operation, in a sentence for people; null: it is well formed. What it says is refused as <see cref="RejectionReason.InvalidArgument"/>.</summary>
    public static string? DescribeProblem(WriteOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return operation.Guard?.DescribeProblem() ?? operation switch
        {
            BatchOperation batch => ProblemOfBatch(batch),
            GetOperation => "a read is an operation of batches only",
            FenceOperation => "to fence is an operation of batches only",
            GrantLeaseOperation grant when grant.Ttl < LeaseLimits.MinTtl || grant.Ttl > LeaseLimits.MaxTtl =>
                $"a lease lives {LeaseLimits.MinTtl} to {LeaseLimits.MaxTtl}, not {grant.Ttl}",
            KeepAliveOperation { Leases: var leases } when leases.IsDefaultOrEmpty || leases.Length > LeaseLimits.MaxLeasesOfCall =>
                $"1 to {LeaseLimits.MaxLeasesOfCall} leases are kept alive at a time",
            ForgetGuardOperation { Guard: null } => "there is no guard to forget",
            _ => ProblemOfOne(operation),
        };
    }

    private static string? ProblemOfOne(WriteOperation operation) => KeyLimits.DescribeKeyProblem(operation.Key.Span) ?? operation switch
    {
        PutOperation put => KeyLimits.DescribeValueProblem(put.Value.Span),
        CompareAndSetOperation set => KeyLimits.DescribeValueProblem(set.Value.Span) ?? KeyLimits.DescribeValueProblem(set.Expected.GetValueOrDefault().Span),
        AppendOperation append => KeyLimits.DescribeValueProblem(append.Value.Span),
        DeleteOperation or AddOperation or MaxOperation or ForgetGuardOperation or GrantLeaseOperation or KeepAliveOperation or RevokeLeaseOperation => null,
        _ => $"{operation.GetType().Name} is no operation that this version knows",
    };

    private static string? ProblemOfBatch(BatchOperation batch)
    {
        if (batch.If.IsDefault || batch.Then.IsDefault || batch.Else.IsDefault)
        {
            return "the batch lacks a list";
        }

        if (batch.If.Length > BatchOperation.MaxCompares || batch.Then.Length > BatchOperation.MaxOperations || batch.Else.Length > BatchOperation.MaxOperations)
        {
            return $"the batch has {batch.If.Length} comparisons and {batch.Then.Length} and {batch.Else.Length} operations; "
                + $"at most {BatchOperation.MaxCompares}, {BatchOperation.MaxOperations} and {BatchOperation.MaxOperations} are allowed";
        }

        if (batch.If.IsEmpty && batch.Then.IsEmpty && batch.Else.IsEmpty)
        {
            return "the batch is empty";
        }

        var bytes = BytesOfBatch(batch);
        return bytes > BatchOperation.MaxBytes
            ? $"the batch has {bytes} bytes of keys and values; at most {BatchOperation.MaxBytes} are allowed"
            : KeyLimits.DescribeKeyProblem(batch.Key.Span)
                ?? batch.If.Select(static compare => compare is null ? "a comparison is missing" : compare.DescribeProblem()).Concat(batch.Then.Concat(batch.Else).Select(ProblemOfStep)).FirstOrDefault(static problem => problem is not null);
    }

    private static string? ProblemOfStep(WriteOperation step) => step switch
    {
        { Guard: not null } => "a guard is of the whole batch, not of one operation",
        GetOperation => KeyLimits.DescribeKeyProblem(step.Key.Span),
        FenceOperation fence => KeyLimits.DescribeKeyProblem(step.Key.Span) ?? new Guard(fence.Name, 0).DescribeProblem(),
        PutOperation or DeleteOperation or AddOperation or AppendOperation or MaxOperation => ProblemOfOne(step),
        _ => $"{step?.GetType().Name ?? "nothing"} is no operation of batches",
    };

    /// <summary>How many bytes of keys and values an operation carries, also one that is not well formed.</summary>
    public static long BytesOf(WriteOperation operation) => operation is BatchOperation batch ? BytesOfBatch(batch) : BytesOfOne(operation);

    private static long BytesOfBatch(BatchOperation batch)
    {
        var bytes = 0L;
        foreach (var compare in batch.If.IsDefault ? [] : batch.If)
        {
            bytes += compare is null ? 0 : compare.Key.Length + compare.Value.Length;
        }

        foreach (var step in batch.Then.IsDefault ? [] : batch.Then)
        {
            bytes += BytesOfOne(step);
        }

        foreach (var step in batch.Else.IsDefault ? [] : batch.Else)
        {
            bytes += BytesOfOne(step);
        }

        return bytes;
    }

    // A batch within a batch is refused, so nobody goes into it: batches in batches, each many times, are more than anybody can count.
    private static long BytesOfOne(WriteOperation? operation) => (operation?.Key.Length ?? 0) + operation switch
    {
        PutOperation put => put.Value.Length,
        AppendOperation append => append.Value.Length,
        CompareAndSetOperation set => set.Value.Length + set.Expected.GetValueOrDefault().Length,
        _ => 0L,
    };
}
