using System.Net.Sockets;
using System.Text;
using MultiDc.Wan.Control;
using MultiDc.Wan.Links;

namespace MultiDc.Wan.Tests;

/// <summary>What can be asked of a running WAN, its bytes, and its socket.</summary>
public sealed class ControlTests
{
    private readonly WanNetwork network = WanNetworkTests.ThreeDatacenters();

    [Fact]
    public void Rules_are_changed_in_the_named_directions_only_and_healing_brings_back_the_usual_ones()
    {
        var reply = Ask("""{"version":1,"command":"set","links":["a:*","c:a"],"rules":{"cut":true,"loss":0.5}}""");
        Assert.Null(reply.Error);
        Assert.Equal(["a:b", "a:c", "c:a"], Cut(reply));
        Assert.All(reply.Links, static l => Assert.Equal(l.Rules.Cut ? 0.5 : 0, l.Rules.Loss));
        Assert.All(reply.Links, static l => Assert.NotEqual(0, l.Rules.DelayMs));

        Assert.Equal(["a:b", "a:c"], Cut(Ask("""{"version":1,"command":"heal","links":["*:a"]}""")));
        Assert.Equal(["a:b", "a:c"], Cut(Ask("""{"version":1,"command":"state"}""")));
        Assert.Empty(Cut(Ask("""{"version":1,"command":"heal"}""")));
        Assert.Equal(6, Cut(Ask("""{"version":1,"command":"set","rules":{"cut":true}}""")).Length);
    }

    [Theory]
    [InlineData("""{"version":2,"command":"state"}""", "version 2 is not 1")]
    [InlineData("""{"version":1,"command":"break"}""", "'break' is no command; there are state, set and heal")]
    [InlineData("""{"version":1,"command":"set"}""", "set needs rules")]
    [InlineData("""{"version":1,"command":"set","rules":{"loss":1.5}}""", "loss 1.5 is not within 0 to 1")]
    [InlineData("""{"version":1,"command":"set","links":["a:b","d:a"],"rules":{"cut":true}}""", "there is no datacenter 'd'; there are a, b, c")]
    [InlineData("""{"version":1,"command":"set","links":["a"],"rules":{"cut":true}}""", "'a' is no direction: from:to")]
    [InlineData("""{"version":1,"command":"set","links":["a:a"],"rules":{"cut":true}}""", "'a:a' is no link: both ends are a")]
    public void What_cannot_be_done_is_refused_and_changes_nothing(string request, string reason)
    {
        var reply = Ask(request);
        Assert.Equal(reason, reply.Error);
        Assert.Empty(Cut(reply));
    }

    [Fact]
    public void Requests_and_replies_have_the_bytes_of_the_golden_file()
    {
        network.Send(0, WanNetworkTests.Packet("10.77.2.1", 1), 0);
        var set = new ControlRequest
        {
            Version = ControlRequest.CurrentVersion,
            Command = ControlRequest.Set,
            Links = ["a:b", "*:c"],
            Rules = new() { DelayMs = 1.5, SlowMs = 2, JitterMs = 3, Loss = 0.25, Duplicate = 0.125, Reorder = 0.5, Cut = true },
        };
        var said = string.Join('\n',
        [
            ControlJson.Write(new ControlRequest { Version = ControlRequest.CurrentVersion, Command = ControlRequest.State }),
            ControlJson.Write(set),
            ControlJson.Write(ControlDesk.Answer(set, network) with { UptimeSeconds = 12.5, FailedWrites = 3 }),
            ControlJson.Write(ControlDesk.Answer(set with { Version = 9 }, network) with { Links = [] }),
            "",
        ]);
        var golden = Path.Combine(AppContext.BaseDirectory, "Golden", "control-v1.ndjson");
        Assert.Equal(File.ReadAllText(golden), said);
        foreach (var line in said.Split('\n')[..2])
        {
            Assert.Equal(line, ControlJson.Write(ControlJson.ReadRequest(line)));
        }
    }

    [Fact]
    public async Task The_socket_answers_line_by_line_and_says_what_is_no_request()
    {
        var path = Path.Combine(Path.GetTempPath(), $"multidc-wan-{Guid.NewGuid():n}");
        using var stopping = new CancellationTokenSource();
        using (var server = new ControlServer(path, new Desk(network)))
        {
            var serving = server.RunAsync(stopping.Token);
            Assert.Throws<SocketException>(() => new ControlServer(path, new Desk(network)));
            var request = new ControlRequest { Version = ControlRequest.CurrentVersion, Command = ControlRequest.State };
            Assert.Equal(6, (await ControlClient.AskAsync(path, request, CancellationToken.None)).Links.Count);

            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
            await socket.SendAsync(Encoding.UTF8.GetBytes("what?\n" + ControlJson.Write(request) + "\n" + new string('x', 70_000)));
            using var reader = new StreamReader(new NetworkStream(socket));
            Assert.StartsWith("not a request: ", ControlJson.ReadReply((await reader.ReadLineAsync())!).Error, StringComparison.Ordinal);
            Assert.Null(ControlJson.ReadReply((await reader.ReadLineAsync())!).Error);
            Assert.True(await EndsAsync(reader), "a line that is too long ends the connection");

            await stopping.CancelAsync();
            await serving;
        }

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_socket_that_was_left_behind_is_replaced()
    {
        var path = Path.Combine(Path.GetTempPath(), $"multidc-wan-{Guid.NewGuid():n}");
        using (var left = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            left.Bind(new UnixDomainSocketEndPoint(path));
        }

        // .NET deletes the file of a socket that it closes; a process that was killed does not.
        if (!File.Exists(path))
        {
            using var handle = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            handle.Bind(new UnixDomainSocketEndPoint(path));
            File.Move(path, path + ".kept");
            handle.Close();
            File.Move(path + ".kept", path);
        }

        Assert.True(File.Exists(path));
        using var stopping = new CancellationTokenSource();
        using var server = new ControlServer(path, new Desk(network));
        var serving = server.RunAsync(stopping.Token);
        Assert.Null((await ControlClient.AskAsync(path, new() { Version = 1, Command = ControlRequest.Heal }, CancellationToken.None)).Error);
        await stopping.CancelAsync();
        await serving;
    }

    private static async Task<bool> EndsAsync(StreamReader reader)
    {
        try
        {
            return await reader.ReadLineAsync() is null;
        }
        catch (IOException)
        {
            // Reset: there were bytes that nobody read.
            return true;
        }
    }

    private static string[] Cut(ControlReply reply) => [.. reply.Links.Where(static l => l.Rules.Cut).Select(static l => $"{l.From}:{l.To}")];

    private ControlReply Ask(string request) => ControlDesk.Answer(ControlJson.ReadRequest(request), network);

    private sealed class Desk(WanNetwork network) : IWanControl
    {
        public ControlReply Answer(ControlRequest request)
        {
            lock (network)
            {
                return ControlDesk.Answer(request, network);
            }
        }
    }
}
