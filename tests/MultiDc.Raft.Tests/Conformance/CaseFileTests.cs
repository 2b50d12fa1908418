namespace MultiDc.Raft.Tests;

public sealed class CaseFileTests
{
    [Fact]
    public void Every_form_of_the_format_is_read()
    {
        var path = Path.GetTempFileName();
        File.WriteAllText(path, """
            # A comment.

            subtest one
            first 1 2 empty= key=value list=(a, b,c) nested=(f(1, 2), g)
            ----
            out 1
              out 2

            second continued \
              with=this
            input line
              another
            ----
            ----
            with

            ----
            an empty line and a separator
            ----
            ----

            third
            ----
            """);
        var directives = CaseFile.Read(path);
        File.Delete(path);

        Assert.Equal(["first", "second", "third"], directives.Select(directive => directive.Command));
        Assert.Equal("first 1 2 empty= key=value list=(a,b,c) nested=(f(1, 2),g)", directives[0].ToString());
        Assert.Equal("a|b|c", string.Join('|', directives[0].Values("list")));
        Assert.Equal("f(1, 2)|g", string.Join('|', directives[0].Values("nested")));
        Assert.Equal("out 1\n  out 2\n", directives[0].Expected);
        Assert.Equal("this", directives[1].Value("with"));
        Assert.Equal("input line\n  another", directives[1].Input);
        Assert.Equal("with\n\n----\nan empty line and a separator\n", directives[1].Expected);
        Assert.Equal(("", 3), (directives[2].Expected, directives[2].Number));
    }
}
