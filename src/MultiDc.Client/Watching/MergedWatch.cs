using System.Runtime.CompilerServices;
using System.Threading.Channels;
using MultiDc.Grains;

namespace MultiDc.Client.Watching;

/// <summary>
/// The watches of some shards as one stream: each shard's revisions in order, those of different shards as they come. Every shard has one page waiting at most,
/// and asks for the next when that is taken: a consumer that takes its time costs the silos nothing.
/// </summary>
/// <param name="keyspace">The keyspace.</param>
/// <param name="watches">The watches, by shard number.</param>
/// <param name="start">Where they begin; null: from now on.</param>
/// <param name="tokenOf">The token of a watch that has begun at these revisions, one for each shard.</param>
/// <param name="time">The clock.</param>
internal sealed class MergedWatch(
    string keyspace, IReadOnlyDictionary<int, ShardWatch> watches, WatchToken? start, Func<IReadOnlyDictionary<int, Revision>, WatchToken> tokenOf, TimeProvider time)
{
    // A mark says little, and many shards make many.
    private static readonly TimeSpan ProgressPeriod = TimeSpan.FromSeconds(1);

    public async IAsyncEnumerable<WatchBatch> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pages = Channel.CreateUnbounded<Page>(new() { SingleReader = true });
        Task[] running = [];
        try
        {
            var token = start;
            if (token is null)
            {
                // Nothing is told before every shard has begun, or the token would say less than was promised.
                await Task.WhenAll(watches.Values.Select(watch => watch.NextAsync(stopping.Token))).ConfigureAwait(false);
                token = tokenOf(watches.ToDictionary(static pair => pair.Key, static pair => pair.Value.After!.Value));
                var (first, watch) = watches.First();
                yield return new(new(keyspace, first), watch.After!.Value, [], token);
            }

            running = [.. watches.Select(pair => RunAsync(pair.Key, pair.Value, pages.Writer, stopping.Token))];
            var toldAt = time.GetTimestamp();
            await foreach (var page in pages.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                page.Taken.TrySetResult();
                foreach (var revision in page.Reply.Revisions)
                {
                    token = token.With(page.Shard, revision.Revision);
                    yield return new(new(keyspace, page.Shard), revision.Revision, revision.Events, token);
                    toldAt = time.GetTimestamp();
                }

                if (page.Reply.UpTo != token.RevisionOf(page.Shard))
                {
                    token = token.With(page.Shard, page.Reply.UpTo);
                    if (page.Reply.Revisions.Count == 0 && time.GetElapsedTime(toldAt) >= ProgressPeriod)
                    {
                        yield return new(new(keyspace, page.Shard), page.Reply.UpTo, [], token);
                        toldAt = time.GetTimestamp();
                    }
                }
            }
        }
        finally
        {
            await stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ConfigureAwait(false);
        }
    }

    // Never faults: what ends it, ends the stream behind the pages that came before.
    private static async Task RunAsync(int shard, ShardWatch watch, ChannelWriter<Page> pages, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var page = new Page(shard, await watch.NextAsync(cancellationToken).ConfigureAwait(false));
                pages.TryWrite(page);
                await page.Taken.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            pages.TryComplete(exception);
        }
    }

    private sealed record Page(int Shard, WatchReply Reply)
    {
        public TaskCompletionSource Taken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
