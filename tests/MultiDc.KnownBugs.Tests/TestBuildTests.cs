using System.Globalization;
using Xunit.Abstractions;

namespace MultiDc.KnownBugs.Tests;

/// <summary>
/// The test build itself: with a bug awake a run fails, with none the same run is clean. Only bugs that nearly every seed finds, because
/// the product's next change moves what each seed draws; "check" does it for all of them.
/// </summary>
public sealed class TestBuildTests(ITestOutputHelper output)
{
    private static readonly string[] Awake = ["01a", "02", "21b", "22a", "20b"];

    [Fact]
    public async Task Bugs_that_are_awake_are_found_by_the_seeds_noted_and_nothing_is_found_while_they_sleep()
    {
        var (build, bugs) = await MakeAsync();
        KnownBugFile[] awake = [.. Awake.Select(id => bugs.Single(bug => bug.Id == id))];
        Assert.All(awake, static bug => Assert.NotNull(bug.Seed));
        Assert.Empty(await new RecordCheck(new(build)).FindProblemsAsync(awake, jobs: 2));
    }

    [Fact]
    public async Task A_seed_that_does_not_find_its_bug_any_more_is_told()
    {
        // Asleep is what a bug is whose name the product does not ask for.
        var (build, _) = await MakeAsync();
        var bug = KnownBugFile.Parse("99-x.bug", "bug: 99\npitfall: p\nmistake: m\nshown by: simulation\nseed: 1\ncheck: FreshReads\n\nsrc/A.cs\n- x\n+ KnownBug.Is(\"99\")");
        Assert.Equal(["99-x.bug: seed 1 does not find it any more"], await new RecordCheck(new(build)).FindProblemsAsync([bug], jobs: 1));
    }

    private async Task<(TestBuild Build, IReadOnlyList<KnownBugFile> Bugs)> MakeAsync()
    {
        var checkout = Repository.Find();
        var bugs = KnownBugFile.ReadAll(checkout);
        var build = new TestBuild(checkout, bugs);
        var text = new StringWriter(CultureInfo.InvariantCulture);
        await build.MakeAsync(text, withTests: false);
        output.WriteLine(text.ToString());
        return (build, bugs);
    }
}
