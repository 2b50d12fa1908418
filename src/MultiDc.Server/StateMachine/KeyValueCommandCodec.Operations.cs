using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>
/// The operations within a command. Each begins with its key. Add and max have a number (8) behind it, append a value; a batch has its comparisons, then the operations of
/// its two branches, each list with its count (4) in front. A comparison: key, target (1), relation (1), value, number (8). An operation in a batch: kind (1), then as a
/// command has it.
/// </summary>
internal static partial class KeyValueCommandCodec
{
    private static Kind KindOf(WriteOperation operation) => operation switch
    {
        PutOperation => Kind.Put,
        DeleteOperation => Kind.Delete,
        CompareAndSetOperation => Kind.CompareAndSet,
        AddOperation => Kind.Add,
        AppendOperation => Kind.Append,
        MaxOperation => Kind.Max,
        BatchOperation => Kind.Batch,
        GetOperation => Kind.Get,
        ForgetGuardOperation => Kind.ForgetGuard,
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
                writer.WriteBytes(put.Value);
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
            _ => throw new FormatException($"a command of unknown kind {(byte)kind}"),
        };
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
            steps.Add(kind is Kind.Put or Kind.Delete or Kind.Add or Kind.Append or Kind.Max or Kind.Get
                ? ReadOperation(kind, ref rest)
                : throw new FormatException($"an operation of kind {(byte)kind} in a batch"));
        }

        return steps.ToImmutable();
    }
}
