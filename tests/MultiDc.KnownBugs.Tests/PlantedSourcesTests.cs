namespace MultiDc.KnownBugs.Tests;

/// <summary>A bug that does not fit is told, not planted somewhere.</summary>
public sealed class PlantedSourcesTests
{
    private static readonly KnownBugFile Bug = KnownBugFile.Parse("99-x.bug", """
        bug: 99
        pitfall: p
        mistake: m
        shown by: simulation

        src/A.cs
        - x
        + KnownBug.Is("99")
        """);

    [Fact]
    public void Each_edit_changes_its_own_place() =>
        Assert.Equal("A, bb, C", PlantedSources.Plant("a, bb, c", [(Bug, new("src/A.cs", "c", "C")), (Bug, new("src/A.cs", "a", "A"))]));

    [Theory]
    [InlineData("z")]
    [InlineData("b")]
    public void Text_that_is_not_there_exactly_once_has_drifted(string find) =>
        Assert.Contains("drifted", Assert.Throws<KnownBugException>(() => PlantedSources.Plant("a, bb, c", [(Bug, new("src/A.cs", find, "x"))])).Message, StringComparison.Ordinal);

    [Fact]
    public void Two_bugs_cannot_change_the_same_text() =>
        Assert.Contains("the same text", Assert.Throws<KnownBugException>(static () =>
            PlantedSources.Plant("a, bb, c", [(Bug, new("src/A.cs", "a, b", "x")), (Bug, new("src/A.cs", "bb", "y"))])).Message, StringComparison.Ordinal);
}
