using System.Text;
using static MultiDc.Linearizability.Tests.History;

namespace MultiDc.Linearizability.Tests;

public class HistoryFormatTests
{
    private static readonly Operation[] Golden =
    [
        Put(1, "v", 10, 20),
        Get(2, null, 11, 12),
        Get(2, "grüße <\"&'\\> \n\u0001 🦊", 13, 14, "a/b c"),
        Delete(3, -5, 0, ""),
        Cas(4, null, "", true, 1_700_000_000_000_000_000, 1_700_000_000_000_000_001),
        Cas(4, "old", "new", false, 30, 40),
        Unknown(Cas(-1, "old", "new", true, 50, 50)),
        Failed(Put(5, "x", 60, 61)),
        Unknown(Get(6, null, 70, 70)),
    ];

    private const string Line =
        """{"client":1,"op":"put","key":"k","value":"v","expect":null,"start":1,"end":2,"result":"ok","output":null}""";

    [Fact]
    public void The_writer_writes_the_golden_file()
    {
        Assert.Equal(File.ReadAllText(GoldenPath), Encoding.UTF8.GetString(Write(Golden)));
    }

    [Fact]
    public void The_reader_reads_the_golden_file()
    {
        using var file = File.OpenRead(GoldenPath);
        Assert.Equal(Golden, HistoryReader.Read(file));
    }

    [Fact]
    public void Long_histories_arrive_whole_whatever_the_stream_gives_at_a_time()
    {
        var history = SimulatedRegisters.Run(new() { Operations = 2000, Keys = 5, UnknownPercent = 5, PutWeight = 1, GetWeight = 1, CasWeight = 1 }, 1);
        history.Add(Put(1, new string('x', 300_000), 0, 1));
        var random = new Random(1);
        Assert.Equal(history, HistoryReader.Read(new DribblingStream(Write(history), random)));
    }

    [Fact]
    public void Clients_may_share_a_writer()
    {
        using var stream = new MemoryStream();
        using var writer = new HistoryWriter(stream);
        Parallel.For(0, 2000, i => writer.Write(Put(i, $"{i}", i, i)));
        stream.Position = 0;
        Assert.Equal(Enumerable.Range(0, 2000), HistoryReader.Read(stream).Select(o => o.Client).Order());
    }

    [Fact]
    public void Fields_may_come_in_any_order_and_the_last_newline_may_lack()
    {
        const string Shuffled = """{ "output":null,"result":"ok","end":2,"start":1,"expect":null,"value":"v","key":"k","op":"put","client":1 }""";
        Assert.Equal([Put(1, "v", 1, 2), Put(1, "v", 1, 2)], Read(Shuffled + "\n" + Line));
    }

    [Theory]
    [InlineData("\"op\":\"put\"", "\"op\":\"append\"", "unknown op \"append\"")]
    [InlineData("\"op\":\"put\"", "\"op\":\"Put\"", "unknown op \"Put\"")]
    [InlineData("\"result\":\"ok\"", "\"result\":\"timeout\"", "unknown result \"timeout\"")]
    [InlineData(",\"expect\":null", "", "field \"expect\" is missing")]
    [InlineData(",\"output\":null", "", "field \"output\" is missing")]
    [InlineData("\"client\":1,", "", "field \"client\" is missing")]
    [InlineData("\"client\":1", "\"client\":1,\"client\":1", "field \"client\" twice")]
    [InlineData("\"client\":1", "\"client\":1,\"node\":1", "unknown field \"node\"")]
    [InlineData("\"client\":1", "\"client\":3000000000", "field \"client\" is not a 32-bit integer")]
    [InlineData("\"client\":1", "\"client\":null", "field \"client\" is not a 32-bit integer")]
    [InlineData("\"start\":1", "\"start\":1.5", "field \"start\" is not a 64-bit integer")]
    [InlineData("\"start\":1", "\"start\":\"1\"", "field \"start\" is not a 64-bit integer")]
    [InlineData("\"start\":1", "\"start\":null", "field \"start\" is not a 64-bit integer")]
    [InlineData("\"end\":2", "\"end\":{}", "field \"end\" is not a 64-bit integer or null")]
    [InlineData("\"key\":\"k\"", "\"key\":null", "field \"key\" is not a string")]
    [InlineData("\"key\":\"k\"", "\"key\":7", "field \"key\" is not a string")]
    [InlineData("\"key\":\"k\"", "\"key\":\"\\ud800\"", "text that is not valid Unicode")]
    [InlineData("\"value\":\"v\"", "\"value\":[]", "field \"value\" is not a string or null")]
    [InlineData("\"end\":2", "\"end\":0", "end 0 is before start 1")]
    [InlineData("\"end\":2", "\"end\":null", "an ok operation needs an end")]
    [InlineData("\"end\":2,\"result\":\"ok\"", "\"end\":null,\"result\":\"fail\"", "a fail operation needs an end")]
    [InlineData("\"result\":\"ok\"", "\"result\":\"unknown\"", "an unknown operation has no end")]
    [InlineData("\"value\":\"v\"", "\"value\":null", "a put needs a value")]
    [InlineData("\"op\":\"put\"", "\"op\":\"get\"", "a get takes no value")]
    [InlineData("\"op\":\"put\"", "\"op\":\"delete\"", "a delete takes no value")]
    [InlineData("\"expect\":null", "\"expect\":\"x\"", "a put takes no expect")]
    [InlineData("\"op\":\"put\"", "\"op\":\"cas\"", "the output of an ok cas is \"true\" or \"false\"")]
    [InlineData("\"output\":null", "\"output\":\"x\"", "a put with result ok has no output")]
    [InlineData("\"result\":\"ok\",\"output\":null", "\"result\":\"fail\",\"output\":\"x\"", "a put with result fail has no output")]
    [InlineData("}", "", "not a JSON object")]
    [InlineData("}", "}}", "not a JSON object")]
    [InlineData("{", "[", "not a JSON object")]
    [InlineData(Line, "", "not a JSON object")]
    [InlineData(Line, "null", "not a JSON object")]
    public void A_malformed_line_is_named(string part, string instead, string problem)
    {
        var malformed = Line.Replace(part, instead);
        Assert.NotEqual(Line, malformed);
        var read = new List<Operation>();
        var exception = Assert.Throws<HistoryFormatException>(() => read.AddRange(Read($"{Line}\n{Line}\n{malformed}\n{Line}\n")));
        Assert.Equal(3, exception.Line);
        Assert.StartsWith(problem, exception.Problem);
        Assert.StartsWith("line 3: ", exception.Message);
    }

    [Fact]
    public void Bytes_that_are_not_Utf8_are_refused()
    {
        var bytes = Encoding.UTF8.GetBytes(Line);
        bytes[Line.IndexOf("\"k\"", StringComparison.Ordinal) + 1] = 0xFF;
        var exception = Assert.Throws<HistoryFormatException>(() => HistoryReader.Read(new MemoryStream(bytes)).Count());
        Assert.Equal(1, exception.Line);
    }

    [Fact]
    public void A_line_without_end_is_refused_before_it_fills_the_memory()
    {
        using var endless = new EndlessStream();
        var exception = Assert.Throws<HistoryFormatException>(() => HistoryReader.Read(endless).Count());
        Assert.Equal((1, $"longer than {HistoryReader.MaxLineBytes} bytes"), (exception.Line, exception.Problem));
    }

    [Fact]
    public void The_writer_and_the_checker_refuse_what_the_reader_refuses()
    {
        Operation[] malformed =
        [
            Put(1, "v", 2, 1), Put(1, "v", 1, 2) with { Value = null }, Put(1, "v", 1, 2) with { End = null }, Put(1, "\ud800x", 1, 2),
            Put(1, "v", 1, 2, "\udc00"), Get(1, "x\ud800", 1, 2), Unknown(Put(1, "v", 1, 2)) with { End = 3 }, Unknown(Get(1, "v", 1, 2)) with { Output = "v" },
        ];
        foreach (var operation in malformed)
        {
            using var stream = new MemoryStream();
            using var writer = new HistoryWriter(stream);
            Assert.Throws<ArgumentException>(() => writer.Write(operation));
            Assert.Equal(0, stream.Length);
            Assert.Throws<ArgumentException>(() => LinearizabilityChecker.Check([operation]));
        }
    }

    private static string GoldenPath => Path.Combine(AppContext.BaseDirectory, "Golden", "history.ndjson");

    private static byte[] Write(IEnumerable<Operation> history)
    {
        using var stream = new MemoryStream();
        using (var writer = new HistoryWriter(stream))
        {
            foreach (var operation in history)
            {
                writer.Write(operation);
            }
        }

        return stream.ToArray();
    }

    private static IEnumerable<Operation> Read(string text) => HistoryReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)));

    private sealed class DribblingStream(byte[] bytes, Random random) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, random.Next(1, 5000)));
    }

    private sealed class EndlessStream : MemoryStream
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)' ');
            return count;
        }
    }
}
