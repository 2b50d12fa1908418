using System.Text;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Ring;

namespace MultiDc.Host.Tests.Commands;

/// <summary>What programs read. A change here is a change of the interface.</summary>
public sealed class JsonOutputTests
{
    private static readonly KeyValueEntry Entry = new("k é"u8.ToArray(), "va\"lue"u8.ToArray(), new(3), new(9), 2);

    private readonly CommandRun command = new(new());

    [Fact]
    public async Task A_found_key()
    {
        command.Client.Read = new ReadServed(Entry);
        await PrintsAsync("""{"outcome":"found","key":"k é","value":"va\"lue","createRevision":3,"modifyRevision":9,"version":2}""", "get", "k é");
    }

    [Fact]
    public async Task Bytes_that_are_no_text()
    {
        command.Client.Read = new ReadServed(Entry with { Key = new byte[] { 0xFF }, Value = new byte[] { 0x80, 0 } });
        await PrintsAsync("""{"outcome":"found","keyBase64":"/w==","valueBase64":"gAA=","createRevision":3,"modifyRevision":9,"version":2}""", "get", "k");
    }

    [Fact]
    public Task An_absent_key() => PrintsAsync("""{"outcome":"absent","key":"k"}""", "get", "k");

    [Fact]
    public async Task A_refused_read()
    {
        command.Client.Read = new ReadRejected(RejectionReason.UnknownKeyspace, "no such");
        await PrintsAsync("""{"outcome":"rejected","key":"k","reason":"unknownKeyspace","detail":"no such"}""", "get", "k");
    }

    [Fact]
    public async Task A_read_tells_what_it_promises_and_a_session_its_token()
    {
        command.Client.Read = new ReadServed(null, new(9), TimeSpan.FromMilliseconds(12.5), new("dc2"), ReadLevelKind.Session);
        var token = SessionToken.Of([new(new("default", 0), new(7))]).ToString();
        await PrintsAsync($$"""{"outcome":"absent","key":"k","level":"session","revision":9,"stalenessMilliseconds":12.5,"datacenter":"dc2","session":"{{token}}"}""", "get", "k", "--level", $"session:{token}");
        await PrintsAsync($$"""{"outcome":"applied","key":"k","revision":7,"session":"{{token}}"}""", "put", "k", "v", "--session", "new");
        await PrintsAsync($$"""{"outcome":"applied","key":"k","revision":7,"session":"{{token}}"}""", "delete", "k", "--session", "new");
        await PrintsAsync($$"""{"outcome":"applied","key":"k","revision":7,"session":"{{token}}"}""", "cas", "k", "v", "--expect", "u", "--session", token);
        await PrintsAsync($$"""{"outcome":"applied","key":"k","revision":7,"session":"{{token}}"}""", "add", "k", "1", "--session", "new");
        await PrintsAsync($$"""{"outcome":"applied","revision":7,"session":"{{token}}"}""", "batch", "--then", "put k v", "--session", "new");
    }

    [Fact]
    public Task An_applied_write() => PrintsAsync("""{"outcome":"applied","key":"k","revision":7}""", "put", "k", "v");

    [Fact]
    public async Task An_applied_sum()
    {
        command.Client.Write = static _ => new AppliedNumber(new(7), 12);
        await PrintsAsync("""{"outcome":"applied","key":"k","number":12,"revision":7}""", "add", "k", "5");
    }

    [Fact]
    public async Task A_batch()
    {
        command.Client.Write = static _ => new AppliedBatch(new(9), true, [new(), new(null, 12), new(Entry), new()]);
        await PrintsAsync(
            """{"outcome":"applied","revision":9,"branch":"then","results":[{"operation":"put","key":"k"},{"operation":"add","key":"n","number":12},{"operation":"get","key":"k é","value":"va\"lue","createRevision":3,"modifyRevision":9,"version":2,"found":true},{"operation":"get","key":"m","found":false}]}""",
            "batch", "--then", "put k v", "--then", "add n 5", "--then", "get \"k é\"", "--then", "get m");
        command.Client.Write = static _ => new AppliedBatch(new(9), false, []);
        await PrintsAsync("""{"outcome":"applied","revision":9,"branch":"else","results":[]}""", "batch", "--if", "absent k", "--then", "put k v");
        command.Client.Write = static _ => new Unknown("no answer");
        await PrintsAsync("""{"outcome":"unknown","detail":"no answer"}""", "batch", "--then", "put k v");
        command.Client.Write = static _ => new Rejected(RejectionReason.NotAnInteger, "no number");
        await PrintsAsync("""{"outcome":"rejected","reason":"notAnInteger","detail":"no number"}""", "batch", "--then", "add k 1");
    }

    [Fact]
    public async Task A_refused_write()
    {
        command.Client.Write = static _ => new Rejected(RejectionReason.PreconditionFailed, "another");
        await PrintsAsync("""{"outcome":"rejected","key":"k","reason":"preconditionFailed","detail":"another"}""", "cas", "k", "v", "--expect-absent");
    }

    [Fact]
    public async Task An_unknown_write()
    {
        command.Client.Write = static _ => new Unknown("no answer");
        await PrintsAsync("""{"outcome":"unknown","key":"k","detail":"no answer"}""", "delete", "k");
    }

    [Fact]
    public async Task A_scan_that_ends_early()
    {
        command.Client.Entries.AddRange([Entry, Entry with { Key = "l"u8.ToArray() }]);
        command.Client.ScanEndsWith = new(RejectionReason.Unavailable, "shard 1");
        await PrintsAsync(
            """
            {"key":"k é","value":"va\"lue","createRevision":3,"modifyRevision":9,"version":2}
            {"key":"l","value":"va\"lue","createRevision":3,"modifyRevision":9,"version":2}
            {"outcome":"rejected","reason":"unavailable","detail":"shard 1"}
            """,
            "scan", "");
    }

    [Fact]
    public async Task A_watch()
    {
        var token = WatchToken.OfShard("default", 8, 3, new(120));
        command.Client.Batches.Add(new(new("default", 3), new(8), [], token));
        command.Client.Batches.Add(new(new("default", 3), new(9), [new(Entry.Key, Entry, new(3)), new("l"u8.ToArray(), null, new(4)), new("m"u8.ToArray(), Entry with { Key = "m"u8.ToArray() }, null)], token));
        command.Client.WatchEndsWith = new WatchCompactedException(new("default", 3), new(9), new(12));
        await PrintsAsync(
            """
            {"shard":"default/3","revision":8,"events":[],"token":"w1:default:8:3=120:e03e2bc7"}
            {"shard":"default/3","revision":9,"events":[{"change":"put","key":"k é","value":"va\"lue","createRevision":3,"modifyRevision":9,"version":2,"previousRevision":3},{"change":"delete","key":"l","previousRevision":4},{"change":"put","key":"m","value":"va\"lue","createRevision":3,"modifyRevision":9,"version":2}],"token":"w1:default:8:3=120:e03e2bc7"}
            {"outcome":"compacted","shard":"default/3","asked":9,"oldest":12,"detail":"shard default/3: changes after revision 9 were asked for, and only those after 12 are remembered; read the state anew and watch from there"}
            """,
            "watch", "--prefix", "");
    }

    [Fact]
    public async Task The_status()
    {
        command.Client.Ring = new(new(4), [new("dc1/silo-1", new("dc1"), 2)], [new("default", 8, [new("dc1"), new("dc2")])]);
        command.Client.Replicas.Add(new("default/0@dc1", "dc1/silo-1", "running", "", "Leader", 5, new("dc1"), 10, 9, 11, 3));
        command.Client.Replicas.Add(new("default/0@dc2", "", "unreachable", "why", "", 0, null, 0, 0, 0, 0));
        await PrintsAsync(
            """
            {"type":"ring","version":4,"members":[{"silo":"dc1/silo-1","datacenter":"dc1","weight":2}],"keyspaces":[{"name":"default","shardCount":8,"datacenters":["dc1","dc2"]}]}
            {"type":"replica","replica":"default/0@dc1","silo":"dc1/silo-1","state":"running","detail":"","role":"Leader","term":5,"leader":"dc1","commitIndex":10,"appliedIndex":9,"lastIndex":11,"epoch":3}
            {"type":"replica","replica":"default/0@dc2","silo":"","state":"unreachable","detail":"why","role":"","term":0,"leader":null,"commitIndex":0,"appliedIndex":0,"lastIndex":0,"epoch":0}
            """,
            "status");
    }

    [Fact]
    public async Task A_load()
    {
        using var folder = new TemporaryFolder();
        var (_, output, _) = await command.RunAsync("load", folder.File("a.csv", "id\n1\n2\n"), "--key", "id", "--json");

        Assert.Matches("""^\{"loaded":2,"skipped":0,"rejected":0,"unknown":0,"notTried":0,"seconds":[0-9.]+\}\n$""", output.ReplaceLineEndings("\n"));
    }

    private async Task PrintsAsync(string expected, params string[] arguments)
    {
        var (_, output, error) = await command.RunAsync([.. arguments, "--json"]);

        Assert.Equal(expected.ReplaceLineEndings("\n") + "\n", output.ReplaceLineEndings("\n"));
        Assert.Empty(error);
    }
}
