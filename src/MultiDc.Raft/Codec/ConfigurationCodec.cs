using System.Buffers;
using System.Collections.Immutable;

namespace MultiDc.Raft;

/// <summary>
/// The bytes of a group configuration: the payload of an <see cref="EntryKind.Configuration"/> entry, and part of a snapshot's metadata.
/// Whatever carries it brings the checksum. Little-endian, in two format versions; a configuration has one encoding. What version 1 can
/// say, plain voters, is written in version 1, so that a group that uses nothing newer stays readable for older silos.
/// <code>
/// version 1:  0 version=1 | 1 number of voters u8, at least 1 | 2 voter u64, ascending ...
/// version 2:  0 version=2 | 1 flags u8: 1 auto-leave | 2 least datacenters of a commit u8, at least 1 | 3 number of members u8
///             4 members, ascending: replica u64, part u8, datacenter u64 (0 = not told) ...
/// part bits:  1 voter | 2 voter of the outgoing half | 4 learner | 8 learner when the joint configuration is left | 16 witness
/// </code>
/// </summary>
public static class ConfigurationCodec
{
    /// <summary>The first byte of a configuration that is nothing but voters.</summary>
    public const byte VotersOnlyFormatVersion = 1;

    /// <summary>The first byte of any other configuration.</summary>
    public const byte FormatVersion = 2;

    private const int BytesPerMember = 8 + 1 + 8;

    [Flags]
    private enum Part : byte
    {
        None = 0,
        Voter = 1,
        OutgoingVoter = 2,
        Learner = 4,
        LearnerNext = 8,
        Witness = 16,
        All = 31,
    }

    /// <summary>How many bytes <see cref="Encode"/> writes.</summary>
    public static int EncodedLength(GroupConfiguration configuration) => IsVotersOnly(configuration)
        ? 2 + (8 * configuration.Voters.Length)
        : 4 + (BytesPerMember * configuration.Members.Length);

    /// <summary>Writes the configuration.</summary>
    /// <exception cref="RaftInvariantException">The configuration has a flaw (<see cref="GroupConfiguration.FindFlaw"/>).</exception>
    public static void Encode(GroupConfiguration configuration, IBufferWriter<byte> output)
    {
        Invariant.Require(configuration.FindFlaw() is null, configuration.FindFlaw() ?? "");
        if (IsVotersOnly(configuration))
        {
            output.WriteByte(VotersOnlyFormatVersion);
            output.WriteByte((byte)configuration.Voters.Length);
            foreach (var voter in configuration.Voters)
            {
                output.WriteUInt64(voter.Value);
            }

            return;
        }

        var members = configuration.Members;
        output.WriteByte(FormatVersion);
        output.WriteByte(configuration.AutoLeave ? (byte)1 : (byte)0);
        output.WriteByte((byte)configuration.MinCommitDatacenters);
        output.WriteByte((byte)members.Length);
        foreach (var member in members)
        {
            output.WriteUInt64(member.Value);
            output.WriteByte((byte)PartOf(configuration, member));
            output.WriteUInt64(configuration.Datacenters.GetValueOrDefault(member).Value);
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

    internal static GroupConfiguration Read(ref CodecReader reader) => reader.Byte() switch
    {
        VotersOnlyFormatVersion => ReadVoters(ref reader),
        FormatVersion => ReadMembers(ref reader),
        var version => throw new CodecException(
            $"a configuration: format version {version} is unknown, this program knows {VotersOnlyFormatVersion} and {FormatVersion}"),
    };

    private static GroupConfiguration ReadVoters(ref CodecReader reader)
    {
        var voters = new ReplicaId[reader.Byte()];
        if (voters.Length == 0)
        {
            throw new CodecException("a configuration without voters");
        }

        for (var i = 0; i < voters.Length; i++)
        {
            voters[i] = ReadAfter(ref reader, i == 0 ? ReplicaId.None : voters[i - 1]);
        }

        return new GroupConfiguration(voters);
    }

    private static GroupConfiguration ReadMembers(ref CodecReader reader)
    {
        var autoLeave = reader.Boolean();
        var minCommitDatacenters = reader.Byte();
        var members = new (ReplicaId Id, Part Part, DatacenterTag Datacenter)[reader.Byte()];
        for (var i = 0; i < members.Length; i++)
        {
            var id = ReadAfter(ref reader, i == 0 ? ReplicaId.None : members[i - 1].Id);
            members[i] = (id, (Part)reader.Byte(), new DatacenterTag(reader.UInt64()));
            if (members[i].Part is Part.None or > Part.All)
            {
                throw new CodecException($"a configuration in which {id} has part {(byte)members[i].Part}");
            }
        }

        var configuration = GroupConfiguration.None with
        {
            Voters = With(Part.Voter),
            OutgoingVoters = With(Part.OutgoingVoter),
            Learners = With(Part.Learner),
            LearnersNext = With(Part.LearnerNext),
            Witnesses = With(Part.Witness),
            AutoLeave = autoLeave,
            Datacenters = members.Where(at => !at.Datacenter.IsNotTold).ToImmutableSortedDictionary(at => at.Id, at => at.Datacenter),
            MinCommitDatacenters = minCommitDatacenters,
        };
        var flaw = configuration.FindFlaw() ?? (IsVotersOnly(configuration) ? "plain voters are said in version 1" : null);
        return flaw is null ? configuration : throw new CodecException($"a configuration that breaks a rule: {flaw}");

        ImmutableArray<ReplicaId> With(Part part) => [.. members.Where(member => member.Part.HasFlag(part)).Select(member => member.Id)];
    }

    private static ReplicaId ReadAfter(ref CodecReader reader, ReplicaId last)
    {
        var id = new ReplicaId(reader.UInt64());
        return id.CompareTo(last) > 0 ? id : throw new CodecException("a configuration whose members do not ascend");
    }

    private static bool IsVotersOnly(GroupConfiguration configuration) =>
        !configuration.Voters.IsEmpty && configuration == new GroupConfiguration(configuration.Voters);

    private static Part PartOf(GroupConfiguration configuration, ReplicaId id)
    {
        var part = Part.None;
        part |= configuration.Voters.Contains(id) ? Part.Voter : 0;
        part |= configuration.OutgoingVoters.Contains(id) ? Part.OutgoingVoter : 0;
        part |= configuration.Learners.Contains(id) ? Part.Learner : 0;
        part |= configuration.LearnersNext.Contains(id) ? Part.LearnerNext : 0;
        part |= configuration.Witnesses.Contains(id) ? Part.Witness : 0;
        return part;
    }
}
