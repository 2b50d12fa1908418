using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using MultiDc.Grains;

namespace MultiDc.Server.StateMachine;

/// <summary>What each operation does.</summary>
internal sealed partial class KeyValueStateMachine
{
    // Rows changed by the operations of a batch so far: all of them come true, or none. Empty outside a batch.
    private readonly Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> batch = new(ByteMemoryComparer.Instance);

    /// <summary>What became of a write, what it answers beside its revision, and the same in bytes.</summary>
    private readonly record struct Verdict(SessionOutcome Outcome, WriteAnswer? Answer = null, ReadOnlyMemory<byte> AnswerBytes = default)
    {
        public static implicit operator Verdict(SessionOutcome outcome) => new(outcome);
    }

    private async ValueTask<Verdict> ApplyAsync(LogIndex index, WriteOperation operation)
    {
        if (!IsInRange(operation))
        {
            return SessionOutcome.WrongShard;
        }

        if (operation.Guard is { } guard && await PassAsync(index, guard, isForgotten: operation is ForgetGuardOperation) is { } refused)
        {
            return refused;
        }

        switch (operation)
        {
            case BatchOperation several:
                return await ApplyBatchAsync(index, several);
            case GrantLeaseOperation grant:
                return Grant(index, grant);
            case KeepAliveOperation keep:
                return await KeepAliveAsync(index, keep);
            case RevokeLeaseOperation revoke:
                return await EndAsync(revoke.Lease, _ => true) ? SessionOutcome.Applied : SessionOutcome.LeaseNotFound;
        }

        var (outcome, result) = await ApplyOneAsync(index, operation, changed);
        var answer = result is { Number: { } number } ? WriteAnswer.OfNumber(number) : null;
        return new(outcome, answer, answer?.Encode() ?? default);
    }

    private bool IsInRange(WriteOperation operation)
    {
        if (!range.Contains(operation.Key.Span))
        {
            return false;
        }

        return operation is not BatchOperation several || several.Keys.All(key => range.Contains(key.Span));
    }

    private async ValueTask<Verdict> ApplyBatchAsync(LogIndex index, BatchOperation operation)
    {
        var succeeded = true;
        foreach (var compare in operation.If)
        {
            succeeded = succeeded && compare.HoldsOf(await EntryAsync(compare.Key));
        }

        try
        {
            var steps = succeeded ? operation.Then : operation.Else;
            var results = ImmutableArray.CreateBuilder<StepResult>(steps.Length);
            foreach (var step in steps)
            {
                var (outcome, result) = await ApplyOneAsync(index, step, batch);
                if (outcome != SessionOutcome.Applied)
                {
                    written.Clear();
                    return outcome;
                }

                results.Add(result);
            }

            var answer = new WriteAnswer(succeeded, results.MoveToImmutable());
            var answerBytes = answer.Encode();
            if (answerBytes.Length > BatchOperation.MaxResultBytes)
            {
                written.Clear();
                return SessionOutcome.OutOfRange;
            }

            foreach (var (row, value) in batch)
            {
                changed[row] = value;
            }

            guardCount += newGuards;

            return new(SessionOutcome.Applied, answer, answerBytes);
        }
        finally
        {
            batch.Clear();
            newGuards = 0;
        }
    }

    private async ValueTask<(SessionOutcome Outcome, StepResult Result)> ApplyOneAsync(
        LogIndex index, WriteOperation operation, Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changes)
    {
        // Those that do not look at the value first: it need not be read.
        var row = StateRows.EntryKey(operation.Key.Span);
        switch (operation)
        {
            case PutOperation put:
                return (await WriteAsync(index, put.Key, row, await HeadAsync(row), put.Value, put.Lease, changes), NoResult);

            case DeleteOperation:
                var deleted = await HeadAsync(row);
                changes[row] = null;
                NoteWritten(operation.Key, deleted, null, default);
                return (await BindAsync(operation.Key, deleted?.Lease ?? default, default, changes), NoResult);

            case FenceOperation fence:
                return (await FenceAsync(index, fence.Name, changes), new(Number: (long)index.Value));

            case ForgetGuardOperation:
                return (SessionOutcome.Applied, NoResult);
        }

        var present = await EntryAsync(operation.Key, row);
        var before = EntryHead.Of(present);
        switch (operation)
        {
            case CompareAndSetOperation compare when !Matches(compare.Expected, present):
                return (SessionOutcome.PreconditionFailed, NoResult);

            case CompareAndSetOperation set:
                return (await WriteAsync(index, operation.Key, row, before, set.Value, default, changes), NoResult);

            case AddOperation add:
                if (NumberOf(present, ifAbsent: 0) is not { } addend)
                {
                    return (SessionOutcome.NotAnInteger, NoResult);
                }

                var sum = unchecked(addend + add.Delta);
                if (((addend ^ sum) & (add.Delta ^ sum)) < 0)
                {
                    return (SessionOutcome.OutOfRange, NoResult);
                }

                return (await WriteAsync(index, operation.Key, row, before, TextOf(sum), present?.Lease ?? default, changes), new(Number: sum));

            case MaxOperation max:
                if (NumberOf(present, ifAbsent: max.Number) is not { } least)
                {
                    return (SessionOutcome.NotAnInteger, NoResult);
                }

                return present is null || least < max.Number
                    ? (await WriteAsync(index, operation.Key, row, before, TextOf(max.Number), present?.Lease ?? default, changes), new(Number: max.Number))
                    : (SessionOutcome.Applied, new(Number: least));

            case AppendOperation append:
                var length = (present?.Value.Length ?? 0) + append.Value.Length;
                if (length > KeyLimits.MaxValueBytes)
                {
                    return (SessionOutcome.OutOfRange, NoResult);
                }

                var whole = present is null ? append.Value : (byte[])[.. present.Value.Span, .. append.Value.Span];
                return (await WriteAsync(index, operation.Key, row, before, whole, present?.Lease ?? default, changes), new(Number: length));

            case GetOperation:
                return (SessionOutcome.Applied, new(present));

            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private ValueTask<SessionOutcome> WriteAsync(
        LogIndex index, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> row, EntryHead? before, ReadOnlyMemory<byte> value, LeaseId lease,
        Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changes) =>
        (before?.Lease ?? default) == lease
            ? new(Write(index, key, row, before, value, lease, changes))
            : BindAndWriteAsync(index, key, row, before, value, lease, changes);

    private async ValueTask<SessionOutcome> BindAndWriteAsync(
        LogIndex index, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> row, EntryHead? before, ReadOnlyMemory<byte> value, LeaseId lease,
        Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changes) =>
        await BindAsync(key, before?.Lease ?? default, lease, changes) is var bound and not SessionOutcome.Applied
            ? bound
            : Write(index, key, row, before, value, lease, changes);

    private SessionOutcome Write(
        LogIndex index, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> row, EntryHead? before, ReadOnlyMemory<byte> value, LeaseId lease,
        Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changes)
    {
        // A key that one batch writes several times was written once: versions count revisions.
        var revision = new Revision(index.Value);
        var version = before is { } present ? (present.ModifyRevision == revision ? present.Version : present.Version + 1) : 1;
        var after = new EntryHead(before?.CreateRevision ?? revision, revision, version, lease, value.Length);
        changes[row] = StateRows.Encode(after, value.Span);
        NoteWritten(key, before, after, value);
        return SessionOutcome.Applied;
    }

    private static readonly StepResult NoResult = new();

    // Most stores know at once, and most operations ask: not by way of an asynchronous method then.
    private ValueTask<EntryHead?> HeadAsync(ReadOnlyMemory<byte> row)
    {
        var current = CurrentAsync(row);
        return current.IsCompletedSuccessfully ? new(HeadOf(current.Result)) : AwaitedAsync(current);

        static async ValueTask<EntryHead?> AwaitedAsync(ValueTask<ReadOnlyMemory<byte>?> current) => HeadOf(await current);
        static EntryHead? HeadOf(ReadOnlyMemory<byte>? value) => value is { } present ? StateRows.DecodeHead(present.Span) : null;
    }

    private ValueTask<KeyValueEntry?> EntryAsync(ReadOnlyMemory<byte> key) => EntryAsync(key, StateRows.EntryKey(key.Span));

    private async ValueTask<KeyValueEntry?> EntryAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> row) =>
        await CurrentAsync(row) is { } value ? StateRows.DecodeEntry(key, value) : null;

    private static bool Matches(ReadOnlyMemory<byte>? expected, KeyValueEntry? present) =>
        expected is { } value ? present is not null && present.Value.Span.SequenceEqual(value.Span) : present is null;

    // Null: it is none. Only the one way to write a number counts as it, so that all versions of all libraries read the same.
    private static long? NumberOf(KeyValueEntry? present, long ifAbsent) =>
        present is null ? ifAbsent
        : Utf8Parser.TryParse(present.Value.Span, out long number, out _) && TextOf(number).AsSpan().SequenceEqual(present.Value.Span) ? number
        : null;

    private static byte[] TextOf(long number) => System.Text.Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
}
