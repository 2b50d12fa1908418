using System.Diagnostics;
using System.Text;
using System.Threading.Channels;
using MultiDc.Client;
using MultiDc.Ring;

namespace MultiDc.Host.Loading;

/// <summary>
/// Writes rows, some at a time. Rows of one key are written one after the other in the order of the file, so the last one wins. After the
/// first row that is not applied no further row is begun: the same file can be loaded again without harm, and a keyspace that cannot be
/// written would cost every row its time-out.
/// </summary>
internal sealed class RowLoader(IMultiDcClient client, string keyspace, TimeSpan rowTimeout, int concurrency)
{
    // Enough that a lane never waits for the reader, few enough that rows of the greatest size do not fill the memory.
    private const int RowsWaitingPerLane = 4;

    private long loaded;
    private long rejected;
    private long unknown;
    private long notTried;
    private bool stopped;
    private readonly Lock failing = new();
    private (Row Row, WriteResult Result)? firstFailure;

    /// <summary>Rows stored so far.</summary>
    public long Loaded => Interlocked.Read(ref loaded);

    /// <summary>Loads all rows; a cancellation counts as the failure of the rows that are under way.</summary>
    /// <param name="lines">The rows; problems among them are told and passed over.</param>
    /// <param name="onProblem">Is told every problem.</param>
    /// <param name="onLoaded">Is called after every stored row, from several threads.</param>
    /// <param name="cancellationToken">Begins no further row.</param>
    public async Task<LoadSummary> LoadAsync(IEnumerable<RowLine> lines, Action<RowProblem> onProblem, Action onLoaded, CancellationToken cancellationToken)
    {
        var startedAt = Stopwatch.GetTimestamp();
        using var broken = new CancellationTokenSource();
        var lanes = Enumerable.Range(0, concurrency)
            .Select(static _ => Channel.CreateBounded<Row>(new BoundedChannelOptions(RowsWaitingPerLane) { SingleReader = true, SingleWriter = true }))
            .ToArray();
        var writing = lanes.Select(lane => WriteLaneAsync(lane.Reader, onLoaded, broken, cancellationToken)).ToArray();
        var skipped = 0L;
        RowProblem? endedBy = null;
        try
        {
            foreach (var line in lines)
            {
                if (line is Row row)
                {
                    await lanes[HashRange.HashOf(Encoding.UTF8.GetBytes(row.Key)) % (ulong)lanes.Length].Writer.WriteAsync(row, broken.Token).ConfigureAwait(false);
                }
                else
                {
                    skipped++;
                    var problem = (RowProblem)line;
                    endedBy = problem.EndsFile ? problem : endedBy;
                    onProblem(problem);
                }
            }
        }
        catch (OperationCanceledException) when (broken.IsCancellationRequested)
        {
            // The lane that broke says why, below.
        }
        finally
        {
            Array.ForEach(lanes, static lane => lane.Writer.Complete());
            await Task.WhenAll(writing).ConfigureAwait(false);
        }

        return new()
        {
            Loaded = loaded,
            Skipped = skipped,
            Rejected = rejected,
            Unknown = unknown,
            NotTried = notTried,
            Elapsed = Stopwatch.GetElapsedTime(startedAt),
            FirstFailure = firstFailure,
            EndedBy = endedBy,
        };
    }

    private async Task WriteLaneAsync(ChannelReader<Row> rows, Action onLoaded, CancellationTokenSource broken, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var row in rows.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                if (cancellationToken.IsCancellationRequested || Volatile.Read(ref stopped))
                {
                    Interlocked.Increment(ref notTried);
                    continue;
                }

                Count(row, await PutAsync(row, cancellationToken).ConfigureAwait(false), onLoaded);
            }
        }
        catch
        {
            await broken.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<WriteResult> PutAsync(Row row, CancellationToken cancellationToken)
    {
        try
        {
            return await client.PutAsync(keyspace, Encoding.UTF8.GetBytes(row.Key), Encoding.UTF8.GetBytes(row.ValueJson), rowTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return new Unknown("interrupted");
        }
    }

    private void Count(Row row, WriteResult result, Action onLoaded)
    {
        if (result is Applied)
        {
            Interlocked.Increment(ref loaded);
            onLoaded();
            return;
        }

        Interlocked.Increment(ref result is Unknown ? ref unknown : ref rejected);
        lock (failing)
        {
            firstFailure ??= (row, result);
        }

        Volatile.Write(ref stopped, true);
    }
}
