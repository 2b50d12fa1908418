using System.Text;
using MultiDc.Host.Loading;

namespace MultiDc.Host.Tests.Loading;

public sealed class RowFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Csv_rows_become_compact_json_in_column_order()
    {
        var content = Read("a.csv", "\uFEFFname,id,note\r\nAnn,1,\"says \"\"hi\"\", é\"\r\n\r\n\"two\r\nlines\",2,\r\n");

        Assert.Empty(content.Problems);
        Assert.Equal(
            [
                new Row(2, "1", """{"name":"Ann","id":"1","note":"says \"hi\", é"}"""),
                new Row(4, "2", """{"name":"two\r\nlines","id":"2","note":""}"""),
            ],
            content.Rows);
    }

    [Fact]
    public void Json_lines_keep_property_order_and_numbers_as_written()
    {
        var content = Read("a.jsonl", "\uFEFF{ \"z\": 1.50, \"id\": \"k\", \"a\": {\"é\": [1, null]} }\r\n\n  \n{\"id\": 1e3}");

        Assert.Empty(content.Problems);
        Assert.Equal([new Row(1, "k", """{"z":1.50,"id":"k","a":{"é":[1,null]}}"""), new Row(4, "1e3", """{"id":1e3}""")], content.Rows);
    }

    [Theory]
    [InlineData("id;name\n1;A", ';')]
    [InlineData("id\tname\n1\tA", '\t')]
    public void The_delimiter_can_be_chosen(string text, char delimiter) =>
        Assert.Equal([new Row(2, "1", """{"id":"1","name":"A"}""")], Read("a.csv", text, delimiter: delimiter).Rows);

    [Fact]
    public void Tsv_has_tabs_and_an_explicit_format_beats_the_name()
    {
        Assert.Equal("1", Assert.Single(Read("a.tsv", "id\tname\n1\tA,B").Rows).Key);
        Assert.Equal("1", Assert.Single(Read("a.csv", "{\"id\":1}", format: RowFormat.JsonLines).Rows).Key);
    }

    [Theory]
    [InlineData("id,name\n1,A\n2\n3,C", 3, "has 1 columns; the header has 2")]
    [InlineData("id,name\n1,A\n2,B,x\n3,C", 3, "has 3 columns; the header has 2")]
    [InlineData("id,name\n1,A\n,B\n3,C", 3, "the key column 'id' is empty")]
    [InlineData("id,name\n1,A\n2,5\" disk\n3,C", 3, "has a quote inside a field that is not quoted")]
    [InlineData("id,name\n1,A\n2,\"x\"y\n3,C", 3, "has text after the closing quote of a field")]
    [InlineData("id,name\n1,\"A\nB\"\n2\n3,C", 4, "has 1 columns; the header has 2")]
    [InlineData("id,name\n\n1,A\n2\n3,C", 4, "has 1 columns; the header has 2")]
    public void A_bad_csv_line_is_told_and_the_others_are_read(string text, long line, string reason)
    {
        var content = Read("a.csv", text);

        Assert.Equal([new RowProblem(line, reason)], content.Problems);
        Assert.Equal(["1", "3"], content.Rows.Select(static r => r.Key));
    }

    [Fact]
    public void A_quote_that_is_never_closed_ends_the_file()
    {
        var content = Read("a.csv", "id,name\n1,A\n2,\"B\n3,C\n");

        Assert.Equal([new RowProblem(3, "has a quote that is never closed", EndsFile: true)], content.Problems);
        Assert.Equal("1", Assert.Single(content.Rows).Key);
    }

    [Fact]
    public void A_quote_that_is_never_closed_does_not_read_a_large_file_into_memory()
    {
        var problem = Assert.Single(Read("a.csv", "id,name\n1,A\n2,\"B\n" + new string('x', 2 * RowRules.MaxLineBytes)).Problems);

        Assert.Equal((3, true), (problem.LineNumber, problem.EndsFile));
        Assert.Contains("is a quote not closed?", problem.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "there is no header line")]
    [InlineData("id,name,id\n1,A,2", "the header has the column 'id' more than once")]
    [InlineData("id,,name\n1,A,2", "the header has a column without a name, number 2")]
    [InlineData("ID,name\n1,A", "there is no key column 'id'; there are 'ID', 'name'")]
    [InlineData("id,na\"me\n1,A", "the header cannot be read: has a quote inside a field that is not quoted")]
    public void A_bad_header_ends_the_file(string text, string reason)
    {
        var content = Read("a.csv", text);

        Assert.Equal([new RowProblem(1, reason, EndsFile: true)], content.Problems);
        Assert.Empty(content.Rows);
    }

    [Theory]
    [InlineData("[1]", "is JSON, but not an object: an array")]
    [InlineData("null", "is JSON, but not an object: null")]
    [InlineData("{\"name\":1}", "has no key column 'id'")]
    [InlineData("{\"id\":null}", "the key column 'id' is null; it must be a string or a number")]
    [InlineData("{\"id\":{}}", "the key column 'id' is an object; it must be a string or a number")]
    [InlineData("{\"id\":\"\"}", "the key column 'id' is empty")]
    public void A_bad_json_line_is_told_and_the_others_are_read(string line, string reason)
    {
        var content = Read("a.jsonl", $"{{\"id\":1}}\n{line}\n{{\"id\":3}}");

        Assert.Equal([new RowProblem(2, reason)], content.Problems);
        Assert.Equal(["1", "3"], content.Rows.Select(static r => r.Key));
    }

    [Theory]
    [InlineData("{\"id\":2", "is not valid JSON: ", "(byte 8)")]
    [InlineData("{\"id\":2}}", "is not valid JSON: ", "(byte 9)")]
    [InlineData("{\"id\":2,\"id\":3}", "is not valid JSON: ", "'id'")]
    [InlineData("{\"id\":\"\\ud800\"}", "is not valid JSON text: ", "")]
    public void Invalid_json_is_told_with_its_place(string line, string beginning, string part)
    {
        var problem = Assert.Single(Read("a.jsonl", $"{{\"id\":1}}\n{line}\n{{\"id\":3}}").Problems);

        Assert.Equal(2, problem.LineNumber);
        Assert.StartsWith(beginning, problem.Reason, StringComparison.Ordinal);
        Assert.Contains(part, problem.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", problem.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.csv", "id,name\n1,A\n2,", "\n3,C")]
    [InlineData("a.jsonl", "{\"id\":0}\n{\"id\":1}\n{\"id\":2,\"n\":\"", "\"}\n{\"id\":3}")]
    public void Bad_utf8_is_told_with_its_line(string name, string before, string after)
    {
        var content = RowFile.Read(folder.File(name, [.. Encoding.UTF8.GetBytes(before), 0xC3, 0x28, .. Encoding.UTF8.GetBytes(after)]), new() { KeyColumn = "id" });

        Assert.Equal([new RowProblem(3, "is not valid UTF-8")], content.Problems);
        Assert.Equal("3", content.Rows[^1].Key);
    }

    [Theory]
    [InlineData("a.csv")]
    [InlineData("a.jsonl")]
    public void A_key_or_value_over_the_limit_is_told(string name)
    {
        var longKey = new string('k', KeyLimits.MaxKeyBytes + 1);
        var bigValue = new string('v', KeyLimits.MaxValueBytes);
        var text = name == "a.csv"
            ? $"id,v\n{longKey},\n2,{bigValue}\n3,ok"
            : $"{{\"id\":1}}\n{{\"id\":\"{longKey}\"}}\n{{\"id\":2,\"v\":\"{bigValue}\"}}\n{{\"id\":3}}";

        var problems = Read(name, text).Problems;

        Assert.Equal([2L, 3L], problems.Select(static p => p.LineNumber));
        Assert.Equal($"the key has {longKey.Length} bytes; at most {KeyLimits.MaxKeyBytes} are allowed", problems[0].Reason);
        Assert.StartsWith("the value has ", problems[1].Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(RowRules.MaxLineBytes + 70_000)]
    public void An_overlong_json_line_is_dropped_without_losing_count(int excessBytes)
    {
        var content = Read("a.jsonl", "{\"id\":1}\n" + new string('x', RowRules.MaxLineBytes + excessBytes) + "\n{\"id\":3}\n");

        Assert.Equal([new RowProblem(2, $"the line is longer than {RowRules.MaxLineBytes} bytes")], content.Problems);
        Assert.Equal([(1, "1"), (3, "3")], content.Rows.Select(static r => (r.LineNumber, r.Key)));
    }

    [Fact]
    public void Lines_across_buffer_borders_keep_their_numbers()
    {
        // Lines of many lengths, so that breaks fall on, before and after every border of the reader's buffer.
        var lines = Enumerable.Range(1, 3000).Select(static i => $"{{\"id\":{i},\"v\":\"{new string('x', i % 251)}\"}}").ToArray();
        var content = Read("a.jsonl", string.Join('\n', lines));

        Assert.Empty(content.Problems);
        Assert.Equal(lines, content.Rows.Select(static r => r.ValueJson));
        Assert.Equal(Enumerable.Range(1, 3000).Select(static i => ((long)i, i.ToString())), content.Rows.Select(static r => (r.LineNumber, r.Key)));
    }

    [Fact]
    public void What_is_wrong_with_the_file_itself_is_told()
    {
        var options = new RowFileOptions { KeyColumn = "id" };
        Assert.EndsWith("does not exist", Assert.Throws<RowFileException>(() => new RowFile(Path.Combine(folder.Path, "none.csv"), options)).Message, StringComparison.Ordinal);
        Assert.EndsWith("is a folder: name a file", Assert.Throws<RowFileException>(() => new RowFile(folder.Path, options)).Message, StringComparison.Ordinal);
        Assert.Contains("the format of", Assert.Throws<RowFileException>(() => new RowFile(folder.File("a.txt", ""), options)).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be a delimiter", Assert.Throws<RowFileException>(() => new RowFile(folder.File("a.csv", ""), options with { Delimiter = 'é' })).Message, StringComparison.Ordinal);
    }

    private RowFileContent Read(string name, string text, char? delimiter = null, RowFormat? format = null) =>
        RowFile.Read(folder.File(name, text), new() { KeyColumn = "id", Delimiter = delimiter, Format = format });
}
