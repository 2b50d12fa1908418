using System.Text.RegularExpressions;
using MultiDc.Client;
using MultiDc.Client.Locks;
using MultiDc.Server.Tests.Cluster;

namespace MultiDc.Server.Tests.Examples;

[Collection(ClusterTests.Name)]
public sealed partial class ReadmeExampleTests(SharedCluster shared)
{
    // Where the regions are that its blocks are compared with; each file has tests that run them.
    private static readonly string[] Sources =
    [
        "tests/MultiDc.Server.Tests/Examples/ReadmeExamples.cs",
        "tests/MultiDc.Host.Tests/Examples/ReadmeHostingExamples.cs",
        "tests/MultiDc.Storage.Postgres.Tests/ReadmeExampleTests.cs",
    ];

    [Fact]
    public void Every_block_of_code_is_compiled_word_for_word()
    {
        var readme = Blocks().ToArray();
        Assert.InRange(readme.Length, 8, 100);
        var compiled = Sources.SelectMany(static path => Region().Matches(SourceText(path))).Select(static m => Unindented(m.Groups[1].Value)).ToArray();
        foreach (var block in readme)
        {
            // A region may leave out the last brace, to add to the loop that it closes.
            Assert.Contains(compiled, one => block == one || block == one + "\n}");
        }
    }

    [Fact]
    public async Task They_do_what_they_say()
    {
        var client = shared.Cluster.Client;
        using var locks = new MultiDcLocks(client, TimeProvider.System, Random.Shared.NextDouble);
        var examples = new ReadmeExamples(client, locks);

        await client.PutAsync("default", "cart/42", "2 items");
        await examples.CompareAndSetAsync();
        Assert.Equal("3 items", Assert.IsType<ReadServed>(await client.GetAsync("default", "cart/42")).Entry!.ValueText());

        Assert.True(Assert.IsType<AppliedBatch>(await examples.AddAndBatchAsync()).Succeeded);
        var again = Assert.IsType<AppliedBatch>(await examples.AddAndBatchAsync());
        Assert.False(again.Succeeded);
        Assert.Equal("by card", again.Results[0].Entry!.ValueText());
        Assert.Equal("2", Assert.IsType<ReadServed>(await client.GetAsync("default", "visits")).Entry!.ValueText());
        Assert.Equal("-30", Assert.IsType<ReadServed>(await client.GetAsync("default", "{order-42}/total")).Entry!.ValueText());

        await examples.LockAsync(static () => { });
        Assert.Equal("yes", Assert.IsType<ReadServed>(await client.GetAsync("default", "{order-42}/shipped")).Entry!.ValueText());

        Assert.Equal("host-7", (await examples.SemaphoreAndElectionAsync())?.Holder);
        Assert.Equal("42", Assert.IsType<ReadServed>(await client.GetAsync("default", "{exports}/last")).Entry!.ValueText());
        Assert.Empty(await locks.GetSemaphoreHoldersAsync("default", "exports"));
        Assert.Null(await locks.Election("default", "billing", TimeSpan.FromSeconds(10)).GetLeaderAsync());

        var begun = new TaskCompletionSource();
        var watching = examples.WatchAsync(() => begun.TrySetResult(), until: 1);
        await Task.WhenAny(begun.Task, watching).WaitAsync(Testing.Cluster.MultiDcTestCluster.Patience);
        await client.PutAsync("default", "cart/43", "1 item");
        Assert.Equal("default", WatchToken.Parse(await watching.WaitAsync(Testing.Cluster.MultiDcTestCluster.Patience)).Keyspace);
    }

    private static IEnumerable<string> Blocks() => Code().Matches(SourceText("README.md")).Select(static m => Unindented(m.Groups[1].Value));

    private static string Unindented(string text)
    {
        var lines = text.Trim('\n').Split('\n').Select(static line => line.TrimEnd()).ToArray();
        while (lines.Length > 0 && lines[^1].Length == 0)
        {
            lines = lines[..^1];
        }

        var indent = lines.Where(static line => line.Length > 0).Min(static line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line => line.Length == 0 ? line : line[indent..]));
    }

    private static string SourceText(string path)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "MultiDc.sln")))
        {
            folder = folder.Parent;
        }

        return File.ReadAllText(Path.Combine(folder.FullName, path));
    }

    [GeneratedRegex("^```csharp\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Code();

    [GeneratedRegex("#region [^\n]*\n(.*?)[ ]*#endregion", RegexOptions.Singleline)]
    private static partial Regex Region();
}
