using System.Buffers;
using System.Collections.Immutable;

namespace MultiDc.Server.StateMachine;

/// <summary>
/// What an applied write answers beside its revision. It is kept in the session's row, so that a retry is answered the same. Its bytes, pinned by golden files: which it is
/// (1: one operation, 2: a batch's <c>Then</c>, 3: its <c>Else</c>, 4: a keep-alive, whose numbers are the leases that are no more), the count of the results (4), and each of them by its tag (1): 0 nothing, or no entry; 1 a number (8);
/// 2 an entry: its key and its row, each with its length.
/// </summary>
/// <param name="Succeeded">Of a batch: whether its comparisons held. Null: not a batch, and there is one result, a number, unless it is a keep-alive.</param>
/// <param name="Results">What the operations came to.</param>
/// <param name="IsKeepAlive">Whether the results are leases that are no more.</param>
internal sealed record WriteAnswer(bool? Succeeded, ImmutableArray<StepResult> Results, bool IsKeepAlive = false)
{
    private enum Form : byte
    {
        One = 1,
        Then = 2,
        Else = 3,
        KeepAlive = 4,
    }

    private enum Tag : byte
    {
        Nothing = 0,
        Number = 1,
        Entry = 2,
    }

    public static WriteAnswer OfNumber(long number) => new(null, [new(Number: number)]);

    public static WriteAnswer OfLost(IEnumerable<LeaseId> lost) => new(null, [.. lost.Select(static lease => new StepResult(Number: (long)lease.Value))], true);

    public Applied ToApplied(Revision revision) =>
        IsKeepAlive ? new AppliedKeepAlive(revision, [.. Results.Select(static result => new LeaseId((ulong)result.Number!.Value))])
        : Succeeded is { } succeeded ? new AppliedBatch(revision, succeeded, Results) : new AppliedNumber(revision, Results[0].Number!.Value);

    public ReadOnlyMemory<byte> Encode()
    {
        var writer = new ArrayBufferWriter<byte>(16);
        writer.WriteByte((byte)(IsKeepAlive ? Form.KeepAlive : Succeeded switch { null => Form.One, true => Form.Then, false => Form.Else }));
        writer.WriteInt32(Results.Length);
        foreach (var result in Results)
        {
            switch (result)
            {
                case { Entry: { } entry }:
                    writer.WriteByte((byte)Tag.Entry);
                    writer.WriteBytes(entry.Key);
                    writer.WriteBytes(StateRows.Encode(entry));
                    break;
                case { Number: { } number }:
                    writer.WriteByte((byte)Tag.Number);
                    writer.WriteUInt64((ulong)number);
                    break;
                default:
                    writer.WriteByte((byte)Tag.Nothing);
                    break;
            }
        }

        return writer.WrittenMemory;
    }

    /// <exception cref="FormatException">The bytes are no answer.</exception>
    public static WriteAnswer Decode(ReadOnlyMemory<byte> bytes)
    {
        var rest = bytes;
        var form = (Form)FieldBytes.ReadByte(ref rest);
        var results = ImmutableArray.CreateBuilder<StepResult>();
        for (var left = FieldBytes.ReadCount(ref rest); left > 0; left--)
        {
            results.Add((Tag)FieldBytes.ReadByte(ref rest) switch
            {
                Tag.Nothing => new(),
                Tag.Number => new(Number: (long)FieldBytes.ReadUInt64(ref rest)),
                Tag.Entry => new(StateRows.DecodeEntry(FieldBytes.ReadPresentBytes(ref rest, "the key of an entry"), FieldBytes.ReadPresentBytes(ref rest, "the row of an entry"))),
                var tag => throw new FormatException($"a result of tag {(byte)tag}"),
            });
        }

        var isOne = form == Form.One && results.Count == 1 && results[0].Number is not null;
        var isKeepAlive = form == Form.KeepAlive && results.All(static result => result.Number is not null);
        return rest.IsEmpty && (isOne || isKeepAlive || form is Form.Then or Form.Else)
            ? new(isOne || isKeepAlive ? null : form == Form.Then, results.ToImmutable(), isKeepAlive)
            : throw new FormatException($"an answer of form {(byte)form} with {results.Count} results and {rest.Length} bytes behind it");
    }
}
