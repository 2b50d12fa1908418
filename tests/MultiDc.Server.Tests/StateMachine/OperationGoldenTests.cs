using MultiDc.Grains;
using MultiDc.Server.StateMachine;
using static MultiDc.Server.Tests.StateMachine.OperationDraft;

namespace MultiDc.Server.Tests.StateMachine;

/// <summary>The bytes of commands of version 2, of session rows with answers and of guard rows, frozen: see <see cref="GoldenTests"/>.</summary>
public sealed class OperationGoldenTests
{
    private const string Session = "0807060504030201" + "0900000000000000";
    private const string NoGuard = "FFFFFFFF";
    private const string Key = "03000000" + "6B6579";

    private static readonly Dictionary<string, (WriteOperation Operation, string Hex)> Operations = new()
    {
        ["add"] = (new AddOperation(Bytes("key"), -2), "0205" + Session + NoGuard + Key + "FEFFFFFFFFFFFFFF"),
        ["append"] = (new AppendOperation(Bytes("key"), Bytes("more")), "0206" + Session + NoGuard + Key + "04000000" + "6D6F7265"),
        ["max"] = (new MaxOperation(Bytes("key"), 258), "0207" + Session + NoGuard + Key + "0201000000000000"),
        ["guarded put"] = (new PutOperation(Bytes("key"), Bytes("v")) { Guard = new("lock", 7) }, "0202" + Session + "04000000" + "6C6F636B" + "0700000000000000" + Key + "01000000" + "76"),
        ["forget"] = (new ForgetGuardOperation(Bytes("key")) { Guard = new("lock", 7) }, "020A" + Session + "04000000" + "6C6F636B" + "0700000000000000" + Key),
        ["grant"] = (new GrantLeaseOperation(Bytes("key"), TimeSpan.FromSeconds(1)), "020C" + Session + NoGuard + Key + "E803000000000000"),
        ["keep alive"] = (new KeepAliveOperation(Bytes("key"), [new(5), new(258)]), "020D" + Session + NoGuard + Key + "02000000" + "0500000000000000" + "0201000000000000"),
        ["revoke"] = (new RevokeLeaseOperation(Bytes("key"), new(5)), "020E" + Session + NoGuard + Key + "0500000000000000"),
        ["bound put"] = (new PutOperation(Bytes("key"), Bytes("v")) { Lease = new(5) }, "020B" + Session + NoGuard + Key + "0500000000000000" + "0100000076"),
        ["fence"] = (
            BatchOperation.Of(null, [new FenceOperation(Bytes("key"), "lock")]),
            "0208" + Session + NoGuard + Key + "00000000" + "01000000" + ("0F" + Key + "04000000" + "6C6F636B") + "00000000"),
        ["batch"] = (
            BatchOperation.Of(
                [Compare.ValueEquals(Bytes("key"), Bytes("v")), Compare.ModifyRevision(Bytes("key"), CompareRelation.Less, new(5))],
                [new GetOperation(Bytes("key")), new DeleteOperation(Bytes("key"))],
                [new AddOperation(Bytes("key"), 1)]),
            "0208" + Session + NoGuard + Key
            + "02000000" + (Key + "0101" + "0100000076" + "0000000000000000") + (Key + "0302" + "00000000" + "0500000000000000")
            + "02000000" + ("09" + Key) + ("03" + Key)
            + "01000000" + ("05" + Key + "0100000000000000")),
    };

    public static TheoryData<string> Names => [.. Operations.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Commands_keep_their_bytes(string name)
    {
        var (operation, hex) = Operations[name];
        Assert.Equal(hex, Convert.ToHexString(KeyValueCommandCodec.Encode(new WriteCommand(new(0x0102030405060708), new(9), operation)).Span));
        Assert.Equal(hex, Convert.ToHexString(KeyValueCommandCodec.Encode(KeyValueCommandCodec.Decode(Convert.FromHexString(hex))).Span));
        GoldenTests.Damage(Convert.FromHexString(hex), static bytes => KeyValueCommandCodec.Decode(bytes));
    }

    [Fact]
    public void Expiries_keep_their_bytes()
    {
        const string Hex = "0210" + "01000000" + "0500000000000000" + "0900000000000000";
        Assert.Equal(Hex, Convert.ToHexString(KeyValueCommandCodec.Encode(new ExpireLeasesCommand([(new(5), new(9))])).Span));
        Assert.Equal(Hex, Convert.ToHexString(KeyValueCommandCodec.Encode(KeyValueCommandCodec.Decode(Convert.FromHexString(Hex))).Span));
        GoldenTests.Damage(Convert.FromHexString(Hex), static bytes => KeyValueCommandCodec.Decode(bytes));
    }

    [Fact]
    public void Lease_rows_keep_their_bytes()
    {
        Assert.Equal("400102030405060708", Convert.ToHexString(StateRows.LeaseKey(new(0x0102030405060708)).Span));
        Assert.Equal("410102030405060708" + "6B6579", Convert.ToHexString(StateRows.BoundKey(new(0x0102030405060708), "key"u8).Span));
        var (lease, key) = StateRows.BoundKeyOfRow(StateRows.BoundKey(new(7), "key"u8));
        Assert.Equal((7UL, "key"), (lease.Value, Text(key)));
        Assert.Equal("01", Convert.ToHexString(StateRows.Bound.Span));
        const string Hex = "01" + "E803000000000000" + "0900000000000000" + "02000000";
        Assert.Equal(Hex, Convert.ToHexString(StateRows.Encode(new LeaseRecord(1000, new(9), 2)).Span));
        Assert.Equal(new LeaseRecord(1000, new(9), 2), StateRows.DecodeLease(Convert.FromHexString(Hex)));
        GoldenTests.Damage(Convert.FromHexString(Hex), static bytes => StateRows.DecodeLease(bytes));
        GoldenTests.Damage(StateRows.LeaseKey(new(7)).ToArray(), static bytes => StateRows.LeaseOfRow(bytes));

        const string EntryHex = "02" + "0300000000000000" + "0500000000000000" + "0200000000000000" + "0700000000000000" + "76";
        Assert.Equal(EntryHex, Convert.ToHexString(StateRows.Encode(new KeyValueEntry(Bytes("key"), Bytes("v"), new(3), new(5), 2, new(7))).Span));
        var read = StateRows.DecodeEntry(Bytes("key"), Convert.FromHexString(EntryHex));
        Assert.Equal((3UL, 5UL, 2UL, 7UL, "v"), (read.CreateRevision.Value, read.ModifyRevision.Value, read.Version, read.Lease.Value, Text(read.Value)));
        GoldenTests.Damage(Convert.FromHexString(EntryHex), static bytes => StateRows.DecodeEntry(default, bytes));
    }

    [Fact]
    public void Session_rows_keep_their_bytes()
    {
        var record = new SessionRecord(new(9), new(300), SessionOutcome.Applied, new(300));
        const string Head = "02" + "0900000000000000" + "2C01000000000000" + "01" + "2C01000000000000";
        Check(record, WriteAnswer.OfNumber(-2), Head + "01" + "01000000" + "01" + "FEFFFFFFFFFFFFFF");
        Check(
            record,
            new(true, [new(), new(Number: 3), new(new KeyValueEntry(Bytes("key"), Bytes("v"), new(1), new(2), 2))]),
            Head + "02" + "03000000" + "00" + "01" + "0300000000000000" + "02" + Key + "1A000000" + "01" + "0100000000000000" + "0200000000000000" + "0200000000000000" + "76");
        Check(record, new(false, []), Head + "03" + "00000000");
        Check(record, WriteAnswer.OfLost([new(5)]), Head + "04" + "01000000" + "01" + "0500000000000000");
        Check(record, WriteAnswer.OfLost([]), Head + "04" + "00000000");
        Check(record with { Outcome = SessionOutcome.FencingTokenStale }, null, "02" + "0900000000000000" + "2C01000000000000" + "06" + "2C01000000000000");

        // What version 1 can say is said in version 1.
        Check(record, null, "01" + Head[2..]);

        static void Check(SessionRecord record, WriteAnswer? answer, string hex)
        {
            Assert.Equal(hex, Convert.ToHexString(StateRows.Encode(record, answer is null ? default : answer.Encode().Span).Span));
            Assert.Equal(record, StateRows.DecodeSession(Convert.FromHexString(hex)));
            var read = StateRows.DecodeAnswer(Convert.FromHexString(hex));
            Assert.Equal(answer is null ? "" : Convert.ToHexString(answer.Encode().Span), read is null ? "" : Convert.ToHexString(read.Encode().Span));
            GoldenTests.Damage(Convert.FromHexString(hex), static bytes =>
            {
                StateRows.DecodeSession(bytes);
                StateRows.DecodeAnswer(bytes);
            });
        }
    }

    [Fact]
    public void Guard_rows_keep_their_bytes()
    {
        Assert.Equal("306C6F636B", Convert.ToHexString(StateRows.GuardKey("lock").Span));
        Assert.Equal("lock", StateRows.NameOfGuardRow(StateRows.GuardKey("lock").Span));
        const string Hex = "01" + "0700000000000000" + "2C01000000000000";
        Assert.Equal(Hex, Convert.ToHexString(StateRows.Encode(new GuardRecord(7, new(300))).Span));
        Assert.Equal(new GuardRecord(7, new(300)), StateRows.DecodeGuard(Convert.FromHexString(Hex)));
        GoldenTests.Damage(Convert.FromHexString(Hex), static bytes => StateRows.DecodeGuard(bytes));
    }

    [Theory]
    [InlineData("0105" + Session + Key + "0100000000000000")]
    [InlineData("0201")]
    [InlineData("0209" + Session + NoGuard + Key)]
    [InlineData("0220" + Session + NoGuard + Key)]
    [InlineData("020B" + Session + NoGuard + Key + "0000000000000000" + "0100000076")]
    [InlineData("020C" + Session + NoGuard + Key + "FFFFFFFFFFFFFFFF")]
    [InlineData("020F" + Session + NoGuard + Key + "0400000000000000")]
    [InlineData("0110" + "00000000")]
    [InlineData("0208" + Session + NoGuard + Key + "00000000" + "01000000" + "08" + Key + "000000000000000000000000" + "00000000")]
    [InlineData("0208" + Session + NoGuard + Key + "00000000" + "FFFFFF7F")]
    [InlineData("0208" + Session + NoGuard + Key + "01000000" + Key + "0501" + "00000000" + "0000000000000000" + "0000000000000000")]
    public void What_no_version_says_is_refused(string hex) => Assert.Throws<FormatException>(() => KeyValueCommandCodec.Decode(Convert.FromHexString(hex)));
}
