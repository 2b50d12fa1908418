using System.Text;
using CsCheck;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.StateMachine;

/// <summary>Random logs with every operation there is, batches and guards. Few keys, values, sessions and tokens, so that everything meets everything.</summary>
internal static class OperationDraft
{
    private const int Sessions = 5;
    private const ulong FirstLease = Sessions + 1;

    private static readonly string[] Values = ["7", "-3", "x", "", "007", "+1", "-0", "9223372036854775807", "-9223372036854775808", "9223372036854775808"];
    private static readonly long[] Numbers = [0, 1, -1, 5, long.MaxValue, long.MinValue];

    private static readonly Gen<ReadOnlyMemory<byte>> Key = Gen.Int[0, 5].Select(static i => Bytes($"key{i}"));
    private static readonly Gen<long> Number = Gen.Int[0, Numbers.Length - 1].Select(static i => Numbers[i]);
    private static readonly Gen<ReadOnlyMemory<byte>> Value = Gen.Int[0, Values.Length - 1].Select(static i => Bytes(Values[i]));

    // The log begins with the grants of the first three.
    private static readonly Gen<LeaseId> Lease = Gen.ULong[FirstLease, FirstLease + 3].Select(static lease => new LeaseId(lease));

    private static readonly Gen<WriteOperation> PlainStep = Gen.Select(Gen.Int[0, 5], Key, Value, Number).Select(static (kind, key, value, number) => kind switch
    {
        0 => (WriteOperation)new PutOperation(key, value),
        1 => new DeleteOperation(key),
        2 => new AddOperation(key, number),
        3 => new AppendOperation(key, value),
        4 => new MaxOperation(key, number),
        _ => new GetOperation(key),
    });

    private static readonly Gen<WriteOperation> Step = Gen.Select(Gen.Int[0, 7], PlainStep, Lease).Select(static (kind, step, lease) => (kind, step) switch
    {
        (0, _) => new FenceOperation(step.Key, "guard0"),
        ( < 6, PutOperation put) => put with { Lease = lease },
        _ => step,
    });

    private static readonly Gen<Compare> Condition = Gen.Select(Key, Gen.Int[1, 4], Gen.Int[1, 3], Value, Gen.ULong[0, 20]).Select(static (key, target, relation, value, number) =>
        target == 1 ? Compare.ValueEquals(key, value) : new Compare(key, (CompareTarget)target, (CompareRelation)relation, default, number));

    private static readonly Gen<WriteOperation> Batch = Gen.Select(Condition.Array[0, 2], Step.Array[0, 3], Step.Array[0, 3])
        .Select(static (conditions, then, otherwise) => (WriteOperation)(BatchOperation.Of(conditions, then, otherwise) with { Key = Bytes("key0") }));

    private static readonly Gen<WriteOperation> LeaseOperation = Gen.Select(Gen.Int[0, 3], Key, Lease.Array[1, 4]).Select(static (kind, key, leases) => kind switch
    {
        0 => (WriteOperation)new GrantLeaseOperation(key, TimeSpan.FromSeconds(leases.Length)),
        1 => new RevokeLeaseOperation(key, leases[0]),
        _ => new KeepAliveOperation(key, [.. leases]),
    });

    private static readonly Gen<WriteOperation> Operation = Gen.Select(Gen.Int[0, 11], Step, Batch, Key, Value, LeaseOperation).Select(static (kind, step, batch, key, value, lease) => kind switch
    {
        < 3 => batch,
        3 => new CompareAndSetOperation(key, value, value),
        4 => new CompareAndSetOperation(key, null, value),
        5 => new ForgetGuardOperation(key),
        < 8 => lease,
        _ => step is GetOperation or FenceOperation ? new PutOperation(key, value) : step,
    });

    private static readonly Gen<Guard> Guard = Gen.Select(Gen.Int[0, 1], Gen.ULong[0, 3]).Select(static (name, token) => new Guard($"guard{name}", token));

    private static readonly Gen<KeyValueCommand> Write = Gen.Select(Gen.ULong[1, 6], Gen.ULong[4, 16], Operation, Guard, Gen.Int[0, 2])
        .Select(static (session, sequence, operation, guard, guarded) => (KeyValueCommand)new WriteCommand(
            new(session), new(sequence), guarded == 0 || operation is ForgetGuardOperation ? operation with { Guard = guard } : operation));

    private static readonly Gen<KeyValueCommand> Expiry = Gen.Select(Lease, Gen.ULong[FirstLease, FirstLease + 20]).Array[1, 3]
        .Select(static leases => (KeyValueCommand)new ExpireLeasesCommand([.. leases.Select(static lease => (lease.Item1, new LogIndex(lease.Item2 < FirstLease + 12 ? lease.Item1.Value : lease.Item2)))]));

    /// <summary>Commands of up to five sessions, which are opened first, by their numbers.</summary>
    public static readonly Gen<KeyValueCommand[]> Log = Gen.Select(Gen.Int[0, 11], Write, Expiry).Select(static (kind, write, expiry) => kind == 0 ? expiry : write)
        .Array[1, 60].Select(static commands => (KeyValueCommand[])
        [
            .. Enumerable.Repeat(OpenSessionCommand.Instance, Sessions),
            .. Enumerable.Range(1, 3).Select(static i => new WriteCommand(new(Sessions), new((ulong)i), new GrantLeaseOperation(Bytes("key0"), TimeSpan.FromSeconds(i)))),
            .. commands,
        ]);

    public static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
