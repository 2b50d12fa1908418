using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>
/// The operations within a command. Each begins with its key. Add and max have a number (8) behind it, append a value; a batch has its comparisons, then the operations of
/// its two branches, each list with its count (4) in front. A comparison: key, target (1), relation (1), value, number (8). An operation in a batch: kind (1), then as a
/// command has it. A put with a lease has the lease (8) before its value, a grant the life in milliseconds (8), a keep-alive the count (4) of its leases and each of them (8), a revocation the
/// lease (8), a fence the guard's name with its length.
/// </summary>
internal static partial class KeyValueCommandCodec
{
    private static Kind KindOf(WriteOperation operation) => operation switch
    {
        PutOperation put => put.Lease.IsNone ? Kind.Put : Kind.PutWithLease,
        DeleteOperation => Kind.Delete,
        CompareAndSetOperation => Kind.CompareAndSet,
        AddOperation => Kind.Add,
        AppendOperation => Kind.Append,
        MaxOperation => Kind.Max,
        BatchOperation => Kind.Batch,
        GetOperation => Kind.Get,
        ForgetGuardOperation => Kind.ForgetGuard,
        GrantLeaseOperation => Kind.GrantLease,
        KeepAliveOperation => Kind.KeepAlive,
        RevokeLeaseOperation => Kind.RevokeLease,
        FenceOperation => Kind.Fence,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static void WriteGuard(ArrayBufferWriter<byte> writer, Guard? guard)
    {
        writer.WriteBytes(guard is null ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(guard.Name));
        if (guard is not null)
        {
            writer.WriteUInt64(guard.Token);
        }
    }

    private static Guard? ReadGuard(ref ReadOnlyMemory<byte> rest) =>
        FieldBytes.ReadBytes(ref rest) is { } name ? new(Encoding.UTF8.GetString(name.Span), FieldBytes.ReadUInt64(ref rest)) : null;

    private static void WriteOperation(ArrayBufferWriter<byte> writer, WriteOperation operation)
    {
        writer.WriteBytes(operation.Key);
        switch (operation)
        {
            case PutOperation put:
                if (!put.Lease.IsNone)
                {
                    writer.WriteUInt64(put.Lease.Value);
                }

                writer.WriteBytes(put.Value);
                break;
            case GrantLeaseOperation grant:
                writer.WriteUInt64((ulong)grant.Ttl.TotalMilliseconds);
                break;
            case KeepAliveOperation keep:
                writer.WriteInt32(keep.Leases.Length);
                foreach (var lease in keep.Leases)
                {
                    writer.WriteUInt64(lease.Value);
                }

                break;
            case RevokeLeaseOperation revoke:
                writer.WriteUInt64(revoke.Lease.Value);
                break;
            case FenceOperation fence:
                writer.WriteBytes(Encoding.UTF8.GetBytes(fence.Name));
                break;
            case CompareAndSetOperation set:
                writer.WriteBytes(set.Expected);
                writer.WriteBytes(set.Value);
                break;
            case AddOperation add:
                writer.WriteUInt64((ulong)add.Delta);
                break;
            case AppendOperation append:
                writer.WriteBytes(append.Value);
                break;
            case MaxOperation max:
                writer.WriteUInt64((ulong)max.Number);
                break;
            case BatchOperation batch:
                writer.WriteInt32(batch.If.Length);
                foreach (var compare in batch.If)
                {
                    writer.WriteBytes(compare.Key);
                    writer.WriteByte((byte)compare.Target);
                    writer.WriteByte((byte)compare.Relation);
                    writer.WriteBytes(compare.Value);
                    writer.WriteUInt64(compare.Number);
                }

                WriteSteps(writer, batch.Then);
                WriteSteps(writer, batch.Else);
                break;
        }
    }

    private static void WriteSteps(ArrayBufferWriter<byte> writer, ImmutableArray<WriteOperation> steps)
    {
        writer.WriteInt32(steps.Length);
        foreach (var step in steps)
        {
            writer.WriteByte((byte)KindOf(step));
            WriteOperation(writer, step);
        }
    }

    private static WriteOperation ReadOperation(Kind kind, ref ReadOnlyMemory<byte> rest)
    {
        var key = FieldBytes.ReadPresentBytes(ref rest, "the key of a write");
        return kind switch
        {
            Kind.Put => new PutOperation(key, FieldBytes.ReadPresentBytes(ref rest, "the value of a put")),
            Kind.Delete => new DeleteOperation(key),
            Kind.CompareAndSet => new CompareAndSetOperation(key, FieldBytes.ReadBytes(ref rest), FieldBytes.ReadPresentBytes(ref rest, "the value of a compare-and-set")),
            Kind.Add => new AddOperation(key, (long)FieldBytes.ReadUInt64(ref rest)),
            Kind.Append => new AppendOperation(key, FieldBytes.ReadPresentBytes(ref rest, "the value of an append")),
            Kind.Max => new MaxOperation(key, (long)FieldBytes.ReadUInt64(ref rest)),
            Kind.Batch => new BatchOperation(key, ReadCompares(ref rest), ReadSteps(ref rest), ReadSteps(ref rest)),
            Kind.Get => new GetOperation(key),
            Kind.ForgetGuard => new ForgetGuardOperation(key),
            Kind.PutWithLease => PutWithLease(FieldBytes.ReadUInt64(ref rest), FieldBytes.ReadPresentBytes(ref rest, "the value of a put")),
            Kind.GrantLease => new GrantLeaseOperation(key, ReadTtl(ref rest)),
            Kind.KeepAlive => new KeepAliveOperation(key, ReadLeases(ref rest)),
            Kind.RevokeLease => new RevokeLeaseOperation(key, new(FieldBytes.ReadUInt64(ref rest))),
            Kind.Fence => new FenceOperation(key, Encoding.UTF8.GetString(FieldBytes.ReadPresentBytes(ref rest, "the name of a fence").Span)),
            _ => throw new FormatException($"a command of unknown kind {(byte)kind}"),
        };

        PutOperation PutWithLease(ulong lease, ReadOnlyMemory<byte> value) =>
            lease == 0 ? throw new FormatException("a put with no lease") : new(key, value) { Lease = new(lease) };
    }

    private static TimeSpan ReadTtl(ref ReadOnlyMemory<byte> rest) => FieldBytes.ReadUInt64(ref rest) is var milliseconds && milliseconds <= LeaseLimits.MaxTtl.TotalMilliseconds
        ? TimeSpan.FromMilliseconds(milliseconds)
        : throw new FormatException($"a lease of {milliseconds} ms");

    private static ImmutableArray<LeaseId> ReadLeases(ref ReadOnlyMemory<byte> rest)
    {
        var leases = ImmutableArray.CreateBuilder<LeaseId>();
        for (var left = FieldBytes.ReadCount(ref rest); left > 0; left--)
        {
            leases.Add(new(FieldBytes.ReadUInt64(ref rest)));
        }

        return leases.ToImmutable();
    }

    private static void WriteExpiry(ArrayBufferWriter<byte> writer, ExpireLeasesCommand expire)
    {
        writer.WriteByte(LatestVersion);
        writer.WriteByte((byte)Kind.ExpireLeases);
        writer.WriteInt32(expire.Leases.Length);
        foreach (var (lease, renewedAt) in expire.Leases)
        {
            writer.WriteUInt64(lease.Value);
            writer.WriteUInt64(renewedAt.Value);
        }
    }

    private static ExpireLeasesCommand ReadExpiry(ref ReadOnlyMemory<byte> rest)
    {
        var leases = ImmutableArray.CreateBuilder<(LeaseId, LogIndex)>();
        for (var left = FieldBytes.ReadCount(ref rest); left > 0; left--)
        {
            leases.Add((new(FieldBytes.ReadUInt64(ref rest)), new(FieldBytes.ReadUInt64(ref rest))));
        }

        return rest.IsEmpty ? new(leases.ToImmutable()) : throw new FormatException($"{rest.Length} bytes after a command");
    }

    private static ImmutableArray<Compare> ReadCompares(ref ReadOnlyMemory<byte> rest)
    {
        var compares = ImmutableArray.CreateBuilder<Compare>();
        for (var left = FieldBytes.ReadCount(ref rest); left > 0; left--)
        {
            var key = FieldBytes.ReadPresentBytes(ref rest, "the key of a comparison");
            var (target, relation) = ((CompareTarget)FieldBytes.ReadByte(ref rest), (CompareRelation)FieldBytes.ReadByte(ref rest));
            var compare = new Compare(key, target, relation, FieldBytes.ReadPresentBytes(ref rest, "the value of a comparison"), FieldBytes.ReadUInt64(ref rest));
            compares.Add(Enum.IsDefined(target) && Enum.IsDefined(relation) ? compare : throw new FormatException($"a comparison of {target} as {relation}"));
        }

        return compares.ToImmutable();
    }

    private static ImmutableArray<WriteOperation> ReadSteps(ref ReadOnlyMemory<byte> rest)
    {
        var steps = ImmutableArray.CreateBuilder<WriteOperation>();
        for (var left = FieldBytes.ReadCount(ref rest); left > 0; left--)
        {
            var kind = (Kind)FieldBytes.ReadByte(ref rest);
            steps.Add(kind is Kind.Put or Kind.PutWithLease or Kind.Delete or Kind.Add or Kind.Append or Kind.Max or Kind.Get or Kind.Fence
                ? ReadOperation(kind, ref rest)
                : throw new FormatException($"an operation of kind {(byte)kind} in a batch"));
        }

        return steps.ToImmutable();
    }
}
