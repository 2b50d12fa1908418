using MultiDc.Ring;

namespace MultiDc.Host.Tests.Commands;

public sealed class KeyspaceCommandTests
{
    private readonly CommandRun command = new(new());

    [Fact]
    public async Task A_keyspace_is_created_with_what_was_asked_for()
    {
        Assert.Equal(0, (await command.RunAsync("keyspace", "create", "a")).ExitCode);
        Assert.Equal(0, (await command.RunAsync("keyspace", "create", "b", "--shards", "3", "--leaders", "dc2,dc1", "--read", "bounded:2s", "--max-value", "100", "--max-shard-bytes", "5000000000", "--survives", "datacenter")).ExitCode);
        Assert.Equal(0, (await command.RunAsync("keyspace", "create", "c", "--split", "h,q")).ExitCode);
        Assert.Equal(0, (await command.RunAsync("keyspace", "create", "d", "--split", "")).ExitCode);
        Assert.Equal(0, (await command.RunAsync("keyspace", "create", "e", "--replicas", "dc2=2,dc1=2,dc3=1", "--survives", "silo")).ExitCode);
        Assert.Equal(new("e", 8, [new("dc1"), new("dc2"), new("dc3")]) { Replicas = [2, 2, 1], Survives = SurvivalGoal.Silo }, command.Client.Created[^1]);
        command.Client.Created.RemoveAt(4);
        Assert.Equal(
            [
                new("a", 8, default),
                new("b", 3, default) { PreferredLeaders = [new("dc2"), new("dc1")], ReadDefault = new(ReadLevelKind.BoundedStaleness, TimeSpan.FromSeconds(2)), MaxValueBytes = 100, MaxShardBytes = 5_000_000_000, Survives = SurvivalGoal.Datacenter },
                KeyspaceDescriptor.OfRanges("c", ["h"u8.ToArray(), "q"u8.ToArray()]),
                KeyspaceDescriptor.OfRanges("d", []),
            ],
            command.Client.Created.Select(static k => k with { Datacenters = [new("dc")] }),
            static (wanted, made) => (wanted with { Datacenters = [new("dc")] }).Equals(made));
    }

    [Theory]
    [InlineData(2, "create")]
    [InlineData(2, "create", "a", "--shards", "0")]
    [InlineData(2, "create", "a", "--shards", "4097")]
    [InlineData(2, "create", "a", "--shards", "2", "--split", "x")]
    [InlineData(2, "create", "a", "--read", "session")]
    [InlineData(2, "create", "a", "--survives", "planet")]
    [InlineData(2, "create", "a", "--replicas", "dc1")]
    [InlineData(2, "create", "a", "--replicas", "dc1=two")]
    [InlineData(2, "create", "a", "--replicas", "DC=2")]
    [InlineData(2, "create", "a", "--replicas", "dc1=2,dc1=1")]
    [InlineData(3, "alter", "a", "--replicas", "dc1=2")]
    [InlineData(2, "alter", "a", "--max-value", "0")]
    [InlineData(2, "alter", "a", "--max-shard-bytes", "-1")]
    [InlineData(3, "alter", "a", "--shards", "4")]
    [InlineData(3, "alter", "a", "--split", "x")]
    public async Task What_cannot_be_is_refused_before_anybody_is_asked(int exitCode, params string[] arguments)
    {
        var run = await command.RunAsync(["keyspace", .. arguments]);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.NotEmpty(run.Error);
        Assert.Empty(command.Client.Created);
        Assert.Empty(command.Client.Altered);
    }

    [Fact]
    public async Task Only_what_is_named_is_altered()
    {
        await command.RunAsync("keyspace", "alter", "a", "--leaders", "");
        await command.RunAsync("keyspace", "alter", "a", "--read", "local", "--survives", "Silo");
        var (emptied, read) = (command.Client.Altered[0].Change, command.Client.Altered[1].Change);
        Assert.True(!emptied.PreferredLeaders.IsDefault && emptied is { PreferredLeaders.IsEmpty: true, ReadDefault: null, MaxValueBytes: null, Survives: null });
        Assert.True(read.PreferredLeaders.IsDefault && read is { ReadDefault.Level: ReadLevelKind.Local, MaxValueBytes: null, Survives: SurvivalGoal.Silo });
        command.Client.Write = static _ => new Rejected(RejectionReason.InvalidArgument, "it cannot");
        var (exitCode, output, _) = await command.RunAsync("keyspace", "alter", "a", "--max-value", "5", "--json");
        Assert.Equal(3, exitCode);
        Assert.Equal("""{"outcome":"rejected","keyspace":"a","reason":"invalidArgument","detail":"it cannot"}""", output.Trim());
    }

    [Fact]
    public async Task A_keyspace_is_dropped_only_by_who_means_it()
    {
        Assert.Equal(0, (await command.RunAsync("keyspace", "drop", "a", "--yes")).ExitCode);
        Assert.Equal(["a"], command.Client.Dropped);

        var (exitCode, _, error) = await command.RunAsync("keyspace", "drop", "b");
        Assert.Equal(2, exitCode);
        Assert.Contains("give --yes", error);
        Assert.Equal(["a"], command.Client.Dropped);

        command.ErrorIsTerminal = true;
        command.Input = "b\n";
        var asked = await command.RunAsync("keyspace", "drop", "b");
        Assert.Equal(0, asked.ExitCode);
        Assert.Contains("Type its name", asked.Error);
        Assert.Equal(["a", "b"], command.Client.Dropped);
        foreach (var typed in new[] { "y\n", "", "bb\n" })
        {
            command.Input = typed;
            Assert.Equal(130, (await command.RunAsync("keyspace", "drop", "b")).ExitCode);
        }

        Assert.Equal(["a", "b"], command.Client.Dropped);
        command.Client.Write = static _ => new Rejected(RejectionReason.UnknownKeyspace, "there is no keyspace 'a'");
        Assert.Equal(3, (await command.RunAsync("keyspace", "drop", "a", "-y")).ExitCode);
    }

    [Fact]
    public async Task Keyspaces_are_listed_and_shown_in_words_and_as_json()
    {
        command.Client.Keyspaces =
        [
            new("a", 8, [new("dc1"), new("dc2"), new("dc3")], [new("dc3")]),
            KeyspaceDescriptor.OfRanges("b", ["h"u8.ToArray(), new byte[] { 0xFF }], [new("dc1")]) with { PreferredLeaders = [new("dc1")], ReadDefault = new(ReadLevelKind.Local), MaxValueBytes = 5, MaxShardBytes = 70_000 },
        ];
        var (_, output, _) = await command.RunAsync("keyspace", "list");
        Assert.Equal(
            """
            KEYSPACE  SHARDS  BY     DATACENTERS              LEADERS  READ          MAX VALUE  MAX SHARD  SURVIVES  SPLIT AT
            a         8       hash   dc1, dc2, dc3 (witness)  -        linearizable  1048576    -          -
            b         3       range  dc1                      dc1      local         5          70000      -         h, base64:/w==

            """,
            output.ReplaceLineEndings("\n"));
        Assert.Equal(
            """{"name":"b","shardCount":3,"datacenters":["dc1"],"splitPoints":[{"key":"h"},{"keyBase64":"/w=="}],"leaders":["dc1"],"read":"local","maxValueBytes":5,"maxShardBytes":70000}""",
            (await command.RunAsync("keyspace", "show", "b", "--json")).Out.Trim());
        Assert.Equal(1, (await command.RunAsync("keyspace", "show", "c")).ExitCode);

        command.Client.Keyspaces = [new("s", 1, [new("dc1"), new("dc2"), new("dc3")], [new("dc3")]) { Replicas = [2, 2, 1] }];
        Assert.Contains("dc1 (2 replicas), dc2 (2 replicas), dc3 (witness)", (await command.RunAsync("keyspace", "list")).Out);
        Assert.Equal(
            """{"name":"s","shardCount":1,"datacenters":["dc1","dc2","dc3"],"replicas":[2,2,1],"witnesses":["dc3"]}""",
            (await command.RunAsync("keyspace", "show", "s", "--json")).Out.Trim());
        command.Client.Keyspaces = null;
        Assert.Equal(5, (await command.RunAsync("keyspace", "show", "c")).ExitCode);
        Assert.Equal(5, (await command.RunAsync("keyspace", "list")).ExitCode);
    }
}
