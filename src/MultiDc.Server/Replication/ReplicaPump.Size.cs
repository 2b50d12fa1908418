using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// How many bytes of keys and values the shard holds. The rows are counted once, off the pump's turns, over a view; what is applied meanwhile and afterwards is added. So it is exact from
/// then on, costs nothing where nobody asks, and is not kept in the state, which stays as earlier versions know it.
/// </summary>
internal sealed partial class ReplicaPump
{
    private volatile Counted? counted;
    private int counting;

    /// <summary>The size of a state that was loaded for the time <paramref name="Loads"/> and has not changed since.</summary>
    private sealed record Counted(long Bytes, int Loads);

    /// <summary>The bytes of all keys and values as they are applied; null: they were not counted yet. From any thread.</summary>
    public long? StateBytes => counted is { } known && known.Loads == stateMachine.Loads ? known.Bytes + stateMachine.SizeChange : null;

    /// <summary>Counts the bytes, unless that is under way. From any thread.</summary>
    /// <returns>Ends when they are counted, or cannot be now.</returns>
    public async Task CountStateAsync()
    {
        if (Interlocked.Exchange(ref counting, 1) != 0)
        {
            return;
        }

        try
        {
            // On a turn, so that the view and what has changed are of one moment.
            var begin = new TurnRequest<(IReplicaStateView View, Counted Since)?>(
                () => new((storage.State.OpenView(), new Counted(stateMachine.SizeChange, stateMachine.Loads))), null);
            if (Enqueue(begin) is not null || await begin.Result is not { } begun)
            {
                return;
            }

            using (begun.View)
            {
                counted = new(await Task.Run(() => CountAsync(begun.View)) - begun.Since.Bytes, begun.Since.Loads);
            }
        }
        catch (Exception exception) when (exception is FencedException or ObjectDisposedException or StoreUnavailableException or StoreFailedException)
        {
            // The pump hears of it by itself; whoever asks next counts again.
        }
        finally
        {
            Volatile.Write(ref counting, 0);
        }
    }

    private static async Task<long> CountAsync(IReplicaStateView view)
    {
        var bytes = 0L;
        await foreach (var row in view.ScanAsync(StateRows.EntryKey([]), StateRows.AfterEntries))
        {
            var entry = StateRows.DecodeEntry(StateRows.KeyOfEntryRow(row.Key), row.Value);
            bytes += entry.Key.Length + entry.Value.Length;
        }

        return bytes;
    }
}
