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

        if (operation is BatchOperation several)
        {
            return await ApplyBatchAsync(index, several);
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
                    return outcome;
                }

                results.Add(result);
            }

            var answer = new WriteAnswer(succeeded, results.MoveToImmutable());
            var answerBytes = answer.Encode();
            if (answerBytes.Length > BatchOperation.MaxResultBytes)
            {
                return SessionOutcome.OutOfRange;
            }

            foreach (var (row, value) in batch)
            {
                changed[row] = value;
            }

            return new(SessionOutcome.Applied, answer, answerBytes);
        }
        finally
        {
            batch.Clear();
        }
    }

    private async ValueTask<(SessionOutcome Outcome, StepResult Result)> ApplyOneAsync(
        LogIndex index, WriteOperation operation, Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changes)
    {
        var present = operation is ForgetGuardOperation ? null : await EntryAsync(operation.Key);
        switch (operation)
        {
            case PutOperation put:
                Write(put.Value);
                break;

            case DeleteOperation:
                changes[StateRows.EntryKey(operation.Key.Span)] = null;
                break;

            case CompareAndSetOperation compare when !Matches(compare.Expected, present):
                return (SessionOutcome.PreconditionFailed, NoResult);

            case CompareAndSetOperation set:
                Write(set.Value);
                break;

            case AddOperation add:
                if (NumberOf(present, ifAbsent: 0) is not { } before)
                {
                    return (SessionOutcome.NotAnInteger, NoResult);
                }

                var sum = unchecked(before + add.Delta);
                if (((before ^ sum) & (add.Delta ^ sum)) < 0)
                {
                    return (SessionOutcome.OutOfRange, NoResult);
                }

                Write(TextOf(sum));
                return (SessionOutcome.Applied, new(Number: sum));

            case MaxOperation max:
                if (NumberOf(present, ifAbsent: max.Number) is not { } least)
                {
                    return (SessionOutcome.NotAnInteger, NoResult);
                }

                if (present is null || least < max.Number)
                {
                    Write(TextOf(max.Number));
                }

                return (SessionOutcome.Applied, new(Number: Math.Max(least, max.Number)));

            case AppendOperation append:
                var length = (present?.Value.Length ?? 0) + append.Value.Length;
                if (length > KeyLimits.MaxValueBytes)
                {
                    return (SessionOutcome.OutOfRange, NoResult);
                }

                Write(present is null ? append.Value : (byte[])[.. present.Value.Span, .. append.Value.Span]);
                return (SessionOutcome.Applied, new(Number: length));

            case GetOperation:
                return (SessionOutcome.Applied, new(present));

            case ForgetGuardOperation:
                break;

            default:
                throw new System.Diagnostics.UnreachableException();
        }

        return (SessionOutcome.Applied, NoResult);

        // A key that one batch writes several times was written once: versions count revisions.
        void Write(ReadOnlyMemory<byte> value)
        {
            var revision = new Revision(index.Value);
            var version = present is null ? 1 : present.ModifyRevision == revision ? present.Version : present.Version + 1;
            changes[StateRows.EntryKey(operation.Key.Span)] = StateRows.Encode(new KeyValueEntry(operation.Key, value, present?.CreateRevision ?? revision, revision, version));
        }
    }

    private static readonly StepResult NoResult = new();

    private async ValueTask<KeyValueEntry?> EntryAsync(ReadOnlyMemory<byte> key) =>
        await CurrentAsync(StateRows.EntryKey(key.Span)) is { } row ? StateRows.DecodeEntry(key, row) : null;

    private static bool Matches(ReadOnlyMemory<byte>? expected, KeyValueEntry? present) =>
        expected is { } value ? present is not null && present.Value.Span.SequenceEqual(value.Span) : present is null;

    // Null: it is none. Only the one way to write a number counts as it, so that all versions of all libraries read the same.
    private static long? NumberOf(KeyValueEntry? present, long ifAbsent) =>
        present is null ? ifAbsent
        : Utf8Parser.TryParse(present.Value.Span, out long number, out _) && TextOf(number).AsSpan().SequenceEqual(present.Value.Span) ? number
        : null;

    private static byte[] TextOf(long number) => System.Text.Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
}
