using System.Buffers;

namespace MultiDc.Raft;

/// <summary>
/// The bytes of a group configuration: the payload of an <see cref="EntryKind.Configuration"/> entry, and part of a snapshot's metadata.
/// Whatever carries it brings the checksum. Format version 1, little-endian:
/// <code>
/// 0 version=1 | 1 number of voters u8, at least 1 | 2 voter u64, ascending ...
/// </code>
/// </summary>
public static class ConfigurationCodec
{
    /// <summary>The first byte of an encoded configuration.</summary>
    public const byte FormatVersion = 1;

    /// <summary>How many bytes <see cref="Encode"/> writes.</summary>
    public static int EncodedLength(GroupConfiguration configuration) => 2 + (8 * configuration.Voters.Length);

    /// <summary>Writes the configuration.</summary>
    public static void Encode(GroupConfiguration configuration, IBufferWriter<byte> output)
    {
        Invariant.Require(configuration.Voters.Length <= byte.MaxValue, "a group has at most 255 voters");
        output.WriteByte(FormatVersion);
        output.WriteByte((byte)configuration.Voters.Length);
        foreach (var voter in configuration.Voters)
        {
            output.WriteUInt64(voter.Value);
        }
    }

    /// <summary>Reads the one configuration that <paramref name="input"/> is.</summary>
    /// <exception cref="CodecException">The bytes are not exactly one configuration.</exception>
    public static GroupConfiguration Decode(ReadOnlyMemory<byte> input)
    {
        var reader = new CodecReader(input);
        var configuration = Read(ref reader);
        reader.End("a configuration");
        return configuration;
    }

    internal static GroupConfiguration Read(ref CodecReader reader)
    {
        reader.Version(FormatVersion, "a configuration");
        var voters = new ReplicaId[reader.Byte()];
        if (voters.Length == 0)
        {
            throw new CodecException("a configuration without voters");
        }

        for (var i = 0; i < voters.Length; i++)
        {
            voters[i] = new ReplicaId(reader.UInt64());
            if (voters[i].CompareTo(i == 0 ? ReplicaId.None : voters[i - 1]) <= 0)
            {
                throw new CodecException("a configuration whose voters do not ascend");
            }
        }

        return new GroupConfiguration(voters);
    }
}
