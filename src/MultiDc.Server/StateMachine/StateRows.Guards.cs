using System.Buffers.Binary;
using System.Text;

namespace MultiDc.Server.StateMachine;

/// <summary>The greatest token seen under a guard's name.</summary>
/// <param name="Token">The token.</param>
/// <param name="RaisedAt">The log index of the first write that had it.</param>
internal readonly record struct GuardRecord(ulong Token, LogIndex RaisedAt);

/// <summary>The rows of guards.</summary>
internal static partial class StateRows
{
    private const byte GuardPrefix = 0x30;
    private const int GuardBytes = 17;

    /// <summary>Where the guard rows begin.</summary>
    public static readonly ReadOnlyMemory<byte> FirstGuard = new byte[] { GuardPrefix };

    /// <summary>Right after the guard rows.</summary>
    public static readonly ReadOnlyMemory<byte> AfterGuards = new byte[] { GuardPrefix + 1 };

    public static ReadOnlyMemory<byte> GuardKey(string name) => (byte[])[GuardPrefix, .. Encoding.UTF8.GetBytes(name)];

    public static bool IsGuardRow(ReadOnlySpan<byte> row) => row is [GuardPrefix, ..];

    public static string NameOfGuardRow(ReadOnlySpan<byte> row) => Encoding.UTF8.GetString(row[1..]);

    public static ReadOnlyMemory<byte> Encode(GuardRecord record)
    {
        var row = new byte[GuardBytes];
        row[0] = Version;
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(1), record.Token);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(9), record.RaisedAt.Value);
        return row;
    }

    public static GuardRecord DecodeGuard(ReadOnlySpan<byte> row)
    {
        CheckVersion(row, GuardBytes);
        return row.Length == GuardBytes
            ? new(BinaryPrimitives.ReadUInt64LittleEndian(row[1..]), new(BinaryPrimitives.ReadUInt64LittleEndian(row[9..])))
            : throw new FormatException($"a guard row of {row.Length} bytes");
    }
}
