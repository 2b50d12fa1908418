namespace MultiDc.KnownBugs.Tests;

/// <summary>The bug files as they are.</summary>
public sealed class BugFileTests
{
    private const int Pitfalls = 30;

    private static readonly Repository Checkout = Repository.Find();

    [Fact]
    public void Every_bug_can_still_be_planted_and_all_together()
    {
        var bugs = KnownBugFile.ReadAll(Checkout);
        Assert.Empty(PlantedSources.FindDrift(Checkout, bugs));
        var planted = PlantedSources.Plant(Checkout, bugs);
        Assert.All(bugs, bug => Assert.Contains(planted.Values, text => text.Contains($"KnownBug.Is(\"{bug.Id}\")", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_pitfall_has_a_bug_and_no_number_is_used_twice()
    {
        var bugs = KnownBugFile.ReadAll(Checkout);
        Assert.Equal(Enumerable.Range(1, Pitfalls), bugs.Select(static bug => bug.Number).Distinct().Order());
        Assert.Equal(bugs.Count, bugs.Select(static bug => bug.Id).Distinct().Count());
    }

    [Fact]
    public void Every_bug_is_found_or_says_why_it_is_not()
    {
        var bugs = KnownBugFile.ReadAll(Checkout);
        Assert.All(bugs, static bug => Assert.True(bug.Check is not null ^ bug.NotFound is not null, $"{bug.Name} says what found it, or why nothing does"));
        Assert.All(bugs, static bug => Assert.True(bug.Seed is null || (bug.TestProject is null && bug.Check is not null && bug.Seed <= 1_000), $"{bug.Name}: a seed within 1,000"));
        Assert.All(bugs, static bug => Assert.True(bug.Check is null || bug.Seed is not null || bug.TestProject is not null, $"{bug.Name}: no seed"));
    }

    [Fact]
    public void The_table_in_the_readme_is_what_is_noted()
    {
        var readme = File.ReadAllText(Checkout.Readme);
        Assert.Equal(KnownBugTable.PutInto(readme, KnownBugFile.ReadAll(Checkout)), readme);
    }

    [Fact]
    public void A_readme_without_a_place_for_the_table_is_refused() =>
        Assert.Throws<KnownBugException>(static () => KnownBugTable.PutInto("nothing", []));
}
