using System.Collections.Immutable;

namespace MultiDc.Raft.Tests;

/// <summary>
/// The bytes of every format version, frozen. A failure here means that running silos and existing disks would not understand this build:
/// add a version, do not rewrite these files.
/// </summary>
public sealed class GoldenTests
{
    private static readonly ReplicaId One = new(1);
    private static readonly ReplicaId Two = new(0xFEDC_BA98_7654_3210);
    private static readonly EntryId Last = new(new Term(6), new LogIndex(300));
    private static readonly LogEntry Command = new(new EntryId(new Term(6), new LogIndex(301)), EntryKind.Command, "hello"u8.ToArray());
    private static readonly LogEntry NoOp = new(new EntryId(new Term(7), new LogIndex(302)), EntryKind.NoOp, default);
    private static readonly GroupConfiguration Configuration = new([Two, One, new ReplicaId(3)]);

    private static readonly GroupConfiguration Joint = GroupConfiguration.None with
    {
        Voters = [One, new ReplicaId(3), new ReplicaId(4)],
        OutgoingVoters = [One, Two, new ReplicaId(4)],
        Learners = [new ReplicaId(5)],
        LearnersNext = [Two],
        Witnesses = [new ReplicaId(4)],
        AutoLeave = true,
        Datacenters = ImmutableSortedDictionary<ReplicaId, DatacenterTag>.Empty
            .Add(One, new DatacenterTag(10)).Add(Two, new DatacenterTag(0x0123_4567_89AB_CDEF)).Add(new ReplicaId(3), new DatacenterTag(10)),
        MinCommitDatacenters = 2,
    };

    private static readonly RaftMessage[] Messages =
    [
        new PreVoteRequest(One, Two, new Term(7), Last),
        new PreVoteResponse(One, Two, new Term(7), Granted: true),
        new VoteRequest(One, Two, new Term(7), Last, LeadershipTransfer: true),
        new VoteResponse(One, Two, new Term(7), Granted: false),
        new AppendRequest(One, Two, new Term(7), Last, [Command, NoOp], new LogIndex(299)),
        new AppendAccepted(One, Two, new Term(7), new LogIndex(302)),
        new AppendRejected(One, Two, new Term(7), new LogIndex(400), Last),
        new HeartbeatRequest(One, Two, new Term(7), new LogIndex(300), Round: 1000),
        new HeartbeatResponse(One, Two, new Term(7), Round: 1000),
        new SnapshotRequest(One, Two, new Term(7), new SnapshotMetadata(Last, Configuration)),
        new TimeoutNowRequest(One, Two, new Term(7)),
        new QuiesceRequest(One, Two, new Term(7), Last, Round: 1000),
        new QuiesceResponse(One, Two, new Term(7), Round: 1000),
        new WakeRequest(One, Two, new Term(7)),
    ];

    public static TheoryData<string> MessageNames => [.. Messages.Select(message => message.GetType().Name)];

    [Theory]
    [MemberData(nameof(MessageNames))]
    public void Messages_keep_their_bytes(string name)
    {
        var message = Messages.Single(message => message.GetType().Name == name);
        var bytes = Golden(name, CodecTests.Encode(message, MessageCodec.Encode));
        Assert.True(CodecTests.Same(message, MessageCodec.Decode(bytes)));
    }

    [Fact]
    public void Messages_of_version_2_keep_their_bytes()
    {
        var promise = new HeartbeatResponse(One, Two, new Term(7), Round: 1000, new LeasePromise(new MonotonicTime(123_456_789_012), 900_000_000));
        Assert.Equal(promise, MessageCodec.Decode(Golden("HeartbeatResponse2", CodecTests.Encode(promise, MessageCodec.Encode))));
    }

    [Fact]
    public void Every_message_type_has_a_golden_file() => Assert.Equal(
        typeof(RaftMessage).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(RaftMessage))).Select(type => type.Name).Order(),
        Messages.Select(message => message.GetType().Name).Order());

    [Fact]
    public void Entries_keep_their_bytes()
    {
        Assert.Equal(Command.Id, EntryCodec.Decode(Golden("LogEntry", CodecTests.Encode(Command, EntryCodec.Encode))).Id);
        Assert.Equal(NoOp.Id, EntryCodec.Decode(Golden("LogEntryNoOp", CodecTests.Encode(NoOp, EntryCodec.Encode))).Id);
    }

    [Fact]
    public void Hard_state_configuration_and_snapshot_metadata_keep_their_bytes()
    {
        var hardState = new HardState(new Term(7), Two, new LogIndex(300));
        var snapshot = new SnapshotMetadata(Last, Configuration);
        Assert.Equal(hardState, HardStateCodec.Decode(Golden("HardState", CodecTests.Encode(hardState, HardStateCodec.Encode))));
        Assert.Equal(Configuration, ConfigurationCodec.Decode(Golden("GroupConfiguration", CodecTests.Encode(Configuration, ConfigurationCodec.Encode))));
        Assert.Equal(snapshot, SnapshotMetadataCodec.Decode(Golden("SnapshotMetadata", CodecTests.Encode(snapshot, SnapshotMetadataCodec.Encode))));
    }

    [Fact]
    public void Configurations_of_version_2_keep_their_bytes()
    {
        var snapshot = new SnapshotMetadata(Last, Joint);
        Assert.Equal(Joint, ConfigurationCodec.Decode(Golden("GroupConfiguration2", CodecTests.Encode(Joint, ConfigurationCodec.Encode))));
        Assert.Equal(snapshot, SnapshotMetadataCodec.Decode(Golden("SnapshotMetadata2", CodecTests.Encode(snapshot, SnapshotMetadataCodec.Encode))));
        var none = Golden("GroupConfigurationNone", CodecTests.Encode(GroupConfiguration.None, ConfigurationCodec.Encode));
        Assert.Equal(GroupConfiguration.None, ConfigurationCodec.Decode(none));
    }

    private static byte[] Golden(string name, byte[] actual)
    {
        var path = Path.Combine(SourceFolder.Of("Golden"), name + ".hex");
        var hex = Convert.ToHexStringLower(actual) + "\n";
        if (SourceFolder.Rewrite)
        {
            File.WriteAllText(path, hex);
        }

        Assert.Equal(File.ReadAllText(path), hex);
        return Convert.FromHexString(hex.TrimEnd());
    }
}
