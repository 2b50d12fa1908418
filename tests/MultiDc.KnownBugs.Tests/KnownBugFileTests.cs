namespace MultiDc.KnownBugs.Tests;

/// <summary>How a bug file is read, and what is refused.</summary>
public sealed class KnownBugFileTests
{
    private const string Good = """
        bug: 99a
        pitfall: something
        mistake: somebody
        shown by: simulation
        seed: 12
        check: FreshReads

        src/A.cs
        - if (a)
        -
        -     b();
        + if (a || KnownBug.Is("99a"))
        +     b();

        - c
        + d

        src/B.cs
        - e
        + f

        """;

    [Fact]
    public void A_good_file_is_read()
    {
        var bug = KnownBugFile.Parse("99a-x.bug", Good);
        Assert.Equal(("99a", 99, "something", "somebody"), (bug.Id, bug.Number, bug.Pitfall, bug.Mistake));
        Assert.Equal((12UL, "FreshReads", null, null), (bug.Seed, bug.Check, bug.TestProject, bug.NotFound));
        Assert.Equal(
            [
                new Edit("src/A.cs", "if (a)\n\n    b();", "if (a || KnownBug.Is(\"99a\"))\n    b();"),
                new Edit("src/A.cs", "c", "d"),
                new Edit("src/B.cs", "e", "f"),
            ],
            bug.Edits);
    }

    [Fact]
    public void Tests_may_show_a_bug()
    {
        var bug = KnownBugFile.Parse("99a-x.bug", Good.Replace("simulation", "tests/X.Tests FullyQualifiedName~Y", StringComparison.Ordinal).Replace("seed: 12\n", "", StringComparison.Ordinal));
        Assert.Equal(("tests/X.Tests", "FullyQualifiedName~Y"), (bug.TestProject, bug.TestFilter));
    }

    [Theory]
    [InlineData("bug: 99a", "bug: 98a")]
    [InlineData("bug: 99a\n", "")]
    [InlineData("pitfall: something\n", "")]
    [InlineData("mistake: somebody\n", "")]
    [InlineData("shown by: simulation\n", "")]
    [InlineData("shown by: simulation", "shown by: nobody")]
    [InlineData("pitfall: something", "pitfall something")]
    [InlineData("pitfall: something", "pitfall: something\nwhat: else")]
    [InlineData("pitfall: something", "pitfall: something\npitfall: twice")]
    [InlineData("seed: 12", "seed: twelve")]
    [InlineData("check: FreshReads\n\n", "check: FreshReads\n")]
    [InlineData("src/A.cs\n", "")]
    [InlineData("src/A.cs", "elsewhere/A.cs")]
    [InlineData("src/B.cs\n- e", "src/B.cs\ne")]
    [InlineData("- e\n", "")]
    [InlineData("+ f\n", "")]
    [InlineData("+ d\n\n", "")]
    [InlineData("KnownBug.Is(\"99a\")", "KnownBug.Is(\"98a\")")]
    public void A_malformed_file_is_refused(string good, string bad)
    {
        Assert.Contains(good, Good, StringComparison.Ordinal);
        Assert.Throws<KnownBugException>(() => KnownBugFile.Parse("99a-x.bug", Good.Replace(good, bad, StringComparison.Ordinal)));
    }

    [Fact]
    public void What_was_found_takes_the_place_of_what_was_noted()
    {
        var file = Path.Combine(Directory.CreateTempSubdirectory("known-bugs-").FullName, "99a-x.bug");
        File.WriteAllText(file, Good.Replace("seed: 12\ncheck: FreshReads\n", "not found: why\n", StringComparison.Ordinal));
        var bug = KnownBugFile.Parse(file, File.ReadAllText(file));
        Assert.Equal((null, "why"), (bug.Check, bug.NotFound));

        bug.Record(new(bug, 7, "StateAgreement", "detail", TimeSpan.Zero));
        var found = KnownBugFile.Parse(file, File.ReadAllText(file));
        Assert.Equal((7UL, "StateAgreement", null), (found.Seed, found.Check, found.NotFound));
        Assert.Equal(bug.Edits, found.Edits);
    }
}
