using System.Collections.Immutable;
using System.Text;
using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>How many bytes a command takes.</summary>
internal static partial class KeyValueCommandCodec
{
    private const int VersionAndKind = 2;
    private const int SessionAndSequence = 16;
    private const int Length = 4;
    private const int Number = 8;

    private static int LengthOf(KeyValueCommand command) => VersionAndKind + command switch
    {
        ExpireLeasesCommand expire => Length + (expire.Leases.Length * 2 * Number),
        WriteCommand write => SessionAndSequence + LengthOf(write.Operation.Guard, write.Operation) + LengthOf(write.Operation),
        _ => 0,
    };

    private static int LengthOf(Guard? guard, WriteOperation operation) =>
        guard is not null ? Length + Encoding.UTF8.GetByteCount(guard.Name) + Number
        : KindOf(operation) > Kind.CompareAndSet ? Length
        : 0;

    private static int LengthOf(WriteOperation operation) => LengthOf(operation.Key) + operation switch
    {
        PutOperation put => (put.Lease.IsNone ? 0 : Number) + LengthOf(put.Value),
        CompareAndSetOperation set => LengthOf(set.Expected ?? default) + LengthOf(set.Value),
        AppendOperation append => LengthOf(append.Value),
        AddOperation or MaxOperation or GrantLeaseOperation or RevokeLeaseOperation => Number,
        KeepAliveOperation keep => Length + (keep.Leases.Length * Number),
        FenceOperation fence => Length + Encoding.UTF8.GetByteCount(fence.Name),
        BatchOperation batch => Length + batch.If.Sum(static one => LengthOf(one.Key) + 2 + LengthOf(one.Value) + Number) + LengthOf(batch.Then) + LengthOf(batch.Else),
        _ => 0,
    };

    private static int LengthOf(ImmutableArray<WriteOperation> steps) => Length + steps.Sum(static step => 1 + LengthOf(step));

    private static int LengthOf(ReadOnlyMemory<byte> bytes) => Length + bytes.Length;
}
