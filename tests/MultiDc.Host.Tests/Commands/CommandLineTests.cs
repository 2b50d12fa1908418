namespace MultiDc.Host.Tests.Commands;

public sealed class CommandLineTests : IDisposable
{
    private readonly CommandRun command = new(new());
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("put default k v", "put", "k", "v")]
    [InlineData("put other @k -v", "put", "@k", "-v", "--keyspace", "other")]
    [InlineData("cas default k 'old' new", "cas", "k", "--expect", "old", "new")]
    [InlineData("cas default k '' new", "cas", "k", "--expect", "", "new")]
    [InlineData("cas default k absent new", "cas", "k", "--expect-absent", "new")]
    [InlineData("AddOperation default k 7", "add", "k", "7")]
    [InlineData("AddOperation default k -7", "add", "k", "-7")]
    [InlineData("delete default k", "delete", "k")]
    [InlineData("batch default if k Version Equal 0 then put k 'v' then get k else add k 5", "batch", "--if", "absent k", "--then", "put k v", "--then", "get k", "--else", "add k 5")]
    [InlineData("batch other if k Value Equal 'a b' then append k '\t\"#\\' then max k -3 then delete k", "batch", "--keyspace", "other", "--if", "value k = \"a b\"", "--then", @"append k ""\t\""#\\""", "--then", "max k -3", "--then", "delete k")]
    [InlineData("batch default if k Version Greater 0 if k CreateRevision Less 7 if k ModifyRevision Greater 18446744073709551615 then get k", "batch", "--if", "exists k", "--if", "created k < 7", "--if", "modified k > 18446744073709551615", "--then", "get k")]
    [InlineData("scan default 'pre'", "scan", "pre")]
    [InlineData("scan default ''", "scan")]
    [InlineData("watch default key 'k' from now", "watch", "k", "--limit", "1")]
    [InlineData("watch default prefix '' from now", "watch", "--prefix", "", "--limit", "1")]
    [InlineData("watch other prefix 'p' from w1:default:8:3=120:e03e2bc7", "watch", "--prefix", "p", "--keyspace", "other", "--from", "w1:default:8:3=120:e03e2bc7", "--limit", "1")]
    public async Task Arguments_reach_the_client(string asked, params string[] arguments)
    {
        command.Client.Batches.Add(new(new("default", 3), new(1), [new("k"u8.ToArray(), null, null)], WatchToken.OfShard("default", 8, 3, new(1))));
        await command.RunAsync(arguments);

        Assert.Equal([asked], command.Client.Asked);
    }

    [Theory]
    [InlineData("linearizable", "linearizable")]
    [InlineData("follower", "linearizable, by a follower")]
    [InlineData("local", "local")]
    [InlineData("bounded:2s", "at most 2000 ms old")]
    [InlineData("bounded:0.5s", "at most 500 ms old")]
    [InlineData("bounded:250ms", "at most 250 ms old")]
    [InlineData("session", "session")]
    [InlineData("session:s1.AM9lsD4", "session")]
    [InlineData("bounded:2", null)]
    [InlineData("bounded:0s", null)]
    [InlineData("bounded:-1s", null)]
    [InlineData("bounded", null)]
    [InlineData("session:x", null)]
    [InlineData("fresh", null)]
    [InlineData("local:1", null)]
    public async Task A_read_has_the_level_that_was_asked_for(string text, string? level)
    {
        var (exitCode, _, error) = await command.RunAsync("get", "k", "--level", text);
        Assert.Equal(level is null ? 2 : 1, exitCode);
        Assert.Equal(level is null ? [] : [level], command.Client.Levels.Select(static l => l.ToString()));
        Assert.Equal(level is null, error.Contains("--level"));
    }

    [Fact]
    public async Task A_verbose_read_tells_what_it_promises()
    {
        command.Client.Read = new ReadServed(null, new(9), TimeSpan.FromMilliseconds(12.5), new("dc2"), ReadLevelKind.BoundedStaleness);
        var (_, _, error) = await command.RunAsync("get", "k", "--level", "bounded:1s", "--verbose");
        Assert.Contains("level boundedStaleness, revision 9, at most 12.5 ms old, served by dc2", error);
    }

    [Fact]
    public async Task A_value_is_read_from_standard_input()
    {
        command.Input = "two\nlines\n";
        await command.RunAsync("put", "k", "-");
        Assert.Equal(["put default k two\nlines\n"], command.Client.Asked);

        command.Input = new string('x', KeyLimits.MaxValueBytes + 1);
        Assert.Equal(3, (await command.RunAsync("put", "k", "-")).ExitCode);
        Assert.Single(command.Client.Asked);
    }

    [Fact]
    public async Task A_batch_is_read_from_a_file_or_standard_input()
    {
        const string Lines = "# move an order\nif value {o}s = new\n\nthen put {o}s \"paid #1\" # done\nelse get {o}s\n";
        const string Asked = "batch default if {o}s Value Equal 'new' then put {o}s 'paid #1' else get {o}s";
        command.Input = Lines;
        await command.RunAsync("batch", "-");
        await command.RunAsync("batch", folder.File("order.batch", Lines));
        await command.RunAsync("batch", "-", "--else", "get {o}t");
        Assert.Equal([Asked, Asked, $"{Asked} else get {{o}}t"], command.Client.Asked);
    }

    [Theory]
    [InlineData("if exists", "no condition")]
    [InlineData("if value k < v", "compared with =")]
    [InlineData("if version k >= 3", "not with '>='")]
    [InlineData("if version k > -3", "no revision or version")]
    [InlineData("then put k", "no operation")]
    [InlineData("then put k v w", "no operation")]
    [InlineData("then add k 1.5", "no whole number")]
    [InlineData("then put k \"v", "not closed")]
    [InlineData("then put \"k\"v w", "a space must follow")]
    [InlineData("then put k \"\\x\"", "means nothing")]
    [InlineData("else", "nothing follows else")]
    [InlineData("put k v", "begins with if, then or else")]
    [InlineData("\"then\" get k", "begins with if, then or else")]
    public async Task A_wrong_statement_is_told_with_its_place_before_anything_is_connected(string line, string problem)
    {
        command.Input = $"then get k\n{line}\n";
        var (exitCode, output, error) = await command.RunAsync("batch", "-");
        Assert.Equal((65, ""), (exitCode, output));
        Assert.Contains("standard input:2: ", error, StringComparison.Ordinal);
        Assert.Contains(problem, error, StringComparison.Ordinal);
        if (line.Split(' ', 2) is ["if" or "then" or "else", var statement])
        {
            (exitCode, _, error) = await command.RunAsync("batch", $"--{line.Split(' ')[0]}", statement);
            Assert.Equal(2, exitCode);
            Assert.Contains(problem, error, StringComparison.Ordinal);
        }

        Assert.Empty(command.Client.Asked);
        Assert.Null(command.Topology);
    }

    [Fact]
    public async Task A_batch_that_is_empty_too_large_or_not_there_reaches_nobody()
    {
        Assert.Equal(2, (await command.RunAsync("batch")).ExitCode);
        command.Input = "# nothing\n";
        Assert.Equal(2, (await command.RunAsync("batch", "-")).ExitCode);
        command.Input = string.Concat(Enumerable.Repeat("then get k\n", 129));
        Assert.Equal(3, (await command.RunAsync("batch", "-")).ExitCode);
        Assert.Equal(65, (await command.RunAsync("batch", Path.Combine(Path.GetTempPath(), "no", "such", "file"))).ExitCode);
        Assert.Empty(command.Client.Asked);
    }

    [Fact]
    public async Task A_scan_stops_at_its_limit()
    {
        command.Client.Entries.AddRange(Enumerable.Range(1, 3).Select(static i => new KeyValueEntry(new[] { (byte)('0' + i) }, "v"u8.ToArray(), new(1), new(1), 1)));
        var (exitCode, output, error) = await command.RunAsync("scan", "", "--limit", "2");

        Assert.Equal(0, exitCode);
        Assert.Equal("1\tv\n2\tv\n", output.ReplaceLineEndings("\n"));
        var token = ScanToken.Of("default", default, "2"u8.ToArray());
        Assert.Equal($"go on with --token {token}", error.Trim());

        var (_, rest, nothing) = await command.RunAsync("scan", "--token", token.ToString(), "--limit", "2");
        Assert.Equal(("3\tv", ""), (rest.Trim(), nothing));
        Assert.Equal("scan default '' after 2", command.Client.Asked.Last());
        Assert.Contains($$"""{"next":"{{token}}"}""", (await command.RunAsync("scan", "--limit", "2", "--json")).Out);
    }

    [Fact]
    public async Task A_scan_goes_on_with_the_prefix_that_it_began_with()
    {
        var token = ScanToken.Of("default", "ab"u8.ToArray(), "abc"u8.ToArray()).ToString();
        await command.RunAsync("scan", "--token", token);
        await command.RunAsync("scan", "x", "--token", token);
        Assert.Equal(["scan default 'ab' after abc", "scan default 'x' after abc"], command.Client.Asked);
        var (exitCode, _, error) = await command.RunAsync("scan", "--token", "c1.garbage");
        Assert.Equal(2, exitCode);
        Assert.Contains("no scan token", error);
    }

    [Fact]
    public async Task Without_options_the_development_silo_is_asked()
    {
        await command.RunAsync("get", "k");

        Assert.Equal("multidc dc1 dc1=127.0.0.1:30000", Describe());
    }

    [Fact]
    public async Task Gateways_name_the_datacenters()
    {
        await command.RunAsync("get", "k", "-g", "dc2=b:1", "-g", "dc1=a:1", "-g", "dc2=b:2", "--cluster-id", "shop");
        Assert.Equal("shop dc2 dc2=b:1,b:2 dc1=a:1", Describe());

        await command.RunAsync("get", "k", "-g", "dc2=b:1", "-g", "dc1=a:1", "--datacenter", "dc1");
        Assert.Equal("multidc dc1 dc2=b:1 dc1=a:1", Describe());
    }

    [Fact]
    public async Task A_silos_configuration_tells_where_it_is()
    {
        var file = folder.File("silo.json", """
            {
              "MultiDc": { "ClusterId": "shop", "Datacenter": "dc2", "DataFolder": "x", "Datacenters": [ { "Name": "dc1", "Gateways": [ "a:1" ] }, { "Name": "dc2" } ] },
              "Silo": { "Address": "10.0.0.2", "GatewayPort": 30002 }
            }
            """);
        await command.RunAsync("get", "k", "--config", file);
        Assert.Equal("shop dc2 dc1=a:1 dc2=10.0.0.2:30002", Describe());
    }

    [Theory]
    [InlineData("{\n  \"MultiDc\": {\n", ":3:", "is not valid JSON")]
    [InlineData("{}", "", "Datacenters is empty")]
    public async Task A_wrong_configuration_is_78(string content, string place, string reason)
    {
        var file = folder.File("bad.json", content);
        var (exitCode, _, error) = await command.RunAsync("get", "k", "--config", file);

        Assert.Equal(78, exitCode);
        Assert.Contains(place, error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    private string Describe()
    {
        var topology = command.Topology!;
        return $"{topology.ClusterId} {topology.Datacenter} {string.Join(' ', topology.Datacenters.Select(static d => $"{d.Name}={string.Join(',', d.Gateways)}"))}";
    }
}
