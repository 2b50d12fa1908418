using System.Globalization;
using MultiDc.Client;
using MultiDc.Grains;

namespace MultiDc.Host.Drills.Watching;

/// <summary>What a watcher was told, from its first batch on.</summary>
/// <param name="Name">Whose account it is.</param>
/// <param name="BegunAt">The revision of each shard behind which it began.</param>
/// <param name="Events">Of each shard, in the order in which they came: as <see cref="StreamWatcher.Describe(ulong, string, string?)"/> has them.</param>
/// <param name="Resumed">How often it ended and went on from its token.</param>
/// <param name="Problem">What ended it before its time; null: nothing.</param>
internal sealed record ToldStream(string Name, ulong[] BegunAt, string[][] Events, int Resumed, string? Problem);

/// <summary>Watches a prefix and writes down what it is told.</summary>
internal sealed class StreamWatcher(string name, int batchesPerWatch)
{
    private readonly TaskCompletionSource begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock access = new();
    private readonly HashSet<string> marks = [];
    private List<string>[] told = [];
    private WatchToken? first;
    private WatchToken? token;
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int resumed;
    private string? problem;

    /// <summary>Everything that is written from now on will be told.</summary>
    public Task Begun => begun.Task;

    /// <summary>An event as a word: the same from a watch and from the log.</summary>
    public static string Describe(ulong revision, string key, string? value) => string.Create(CultureInfo.InvariantCulture, $"{revision} {key} {(value is null ? "gone" : $"={value}")}");

    public void Start(IMultiDcClient client, string keyspace, string prefix, CancellationToken stop) => _ = Task.Run(() => RunAsync(client, keyspace, prefix, stop), CancellationToken.None);

    /// <summary>Until it was told of all of these keys, or has ended, or the patience is over.</summary>
    public async Task UntilSeenAsync(IReadOnlyList<string> keys, Task patience)
    {
        while (!patience.IsCompleted)
        {
            Task next;
            lock (access)
            {
                if (problem is not null || keys.All(marks.Contains))
                {
                    return;
                }

                next = changed.Task;
            }

            await Task.WhenAny(next, patience);
        }
    }

    public ToldStream Tell()
    {
        lock (access)
        {
            return new(name, [.. Enumerable.Range(0, told.Length).Select(shard => first!.RevisionOf(shard)!.Value.Value)], [.. told.Select(static events => events.ToArray())], resumed, problem);
        }
    }

    private async Task RunAsync(IMultiDcClient client, string keyspace, string prefix, CancellationToken stop)
    {
        try
        {
            for (; ; resumed++)
            {
                var left = batchesPerWatch;
                await foreach (var batch in client.WatchPrefixAsync(keyspace, prefix, token is null ? WatchStart.Now : WatchStart.After(WatchToken.Parse(token.ToString())), cancellationToken: stop))
                {
                    Take(batch);
                    if (--left == 0)
                    {
                        break;
                    }
                }
            }
        }
        catch (Exception exception)
        {
            lock (access)
            {
                problem = $"{exception.GetType().Name}: {exception.Message}";
                changed.TrySetResult();
            }

            begun.TrySetException(new DrillFailedException($"the watcher {name} did not begin: {exception.Message}"));
        }
    }

    private void Take(WatchBatch batch)
    {
        lock (access)
        {
            if (first is null)
            {
                first = batch.Token;
                told = [.. Enumerable.Range(0, batch.Token.ShardCount).Select(static _ => new List<string>())];
            }

            token = batch.Token;
            foreach (var change in batch.Events)
            {
                told[batch.Shard.Number].Add(Describe(batch.Revision.Value, change.KeyText(), change.ValueText()));
                if (change.KeyText().Contains("/end-", StringComparison.Ordinal))
                {
                    marks.Add(change.KeyText());
                }
            }

            changed.TrySetResult();
            changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        begun.TrySetResult();
    }
}
