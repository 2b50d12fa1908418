using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>Snapshots on their way out and in, and the log's compaction that makes them needed (dissertation §5).</summary>
internal sealed partial class ReplicaPump
{
    private EntryId? takenWithoutState;

    // Only a witness is sent a snapshot that is nothing but its metadata. One that has just been added may be sent what was before that, where its group is another
    // than the one it was added to: the entry that adds it may need its own acknowledgement to be committed. It knows of no group then, and holds nothing.
    private bool TakesWithoutState(SnapshotRequest request, GroupConfiguration configuration, LogIndex last) =>
        request.Snapshot.Configuration.IsWitness(node.Id) || (configuration.Voters.IsEmpty && last == default && !request.Snapshot.Configuration.Contains(node.Id));

    private void DropWithoutState() => metrics.MessagesDropped.Add(1, new KeyValuePair<string, object?>("reason", "snapshot_without_state"));

    // False: meanwhile this replica has come to hold something that would be lost.
    private bool TakeWithoutState(SnapshotRequest request)
    {
        if (!TakesWithoutState(request, node.Configuration, node.LastEntry.Index))
        {
            DropWithoutState();
            return false;
        }

        takenWithoutState = request.Snapshot.LastIncluded;
        return true;
    }

    private async ValueTask<IStagedSnapshot> TakeStagedAsync(SnapshotMetadata wanted)
    {
        if (wanted.Configuration.IsWitness(node.Id) || wanted.LastIncluded == takenWithoutState)
        {
            return await storage.State.StageAsync(wanted);
        }

        Invariant.Require(stagedSnapshot?.Metadata.LastIncluded == wanted.LastIncluded, "the node installs the snapshot that was staged last (§5)");
        var staged = stagedSnapshot;
        stagedSnapshot = null;
        return staged;
    }

    private async ValueTask<SnapshotChunkReply> TakeChunkOnTurnAsync(SnapshotRequest request, SnapshotChunk chunk)
    {
        if (request.Term < node.Term || request.To != node.Id)
        {
            return new(false);
        }

        var (reply, complete) = await snapshotReceiver.TakeAsync(request, chunk);
        if (complete is not null)
        {
            stagedSnapshot = complete;
            node.Step(request);

            // At once: the next request may be the first chunk of another stream, which drops what is staged.
            await CarryOutAllAsync();
            stagedSnapshot = null;
        }

        return reply;
    }

    private void SendSnapshot(ReplicaId to)
    {
        var view = storage.State.OpenView();
        var request = new SnapshotRequest(node.Id, to, node.Term, node.SnapshotAt(view.Applied));
        LogSnapshotBegun(logger, sender.Address, members.PlaceOf(to), request.Snapshot.LastIncluded);
        snapshotsUnderWay[to] = request;
        background.RemoveAll(static task => task.IsCompleted);
        background.Add(StreamAsync());

        async Task StreamAsync()
        {
            var delivered = false;
            try
            {
                using (view)
                {
                    delivered = await snapshotSender.SendAsync(request, view, stopping.Token);
                }
            }
            catch (Exception exception)
            {
                // The follower is away or this replica is closing; the node asks for another snapshot if one is still needed.
                LogSnapshotFailed(logger, sender.Address, members.PlaceOf(to), exception.Message);
            }

            inbox.AddCompletion(new TurnRequest<bool>(
                () =>
                {
                    // A stream of an earlier leadership may outlast the beginning of a newer one, of which it knows nothing.
                    if (snapshotsUnderWay.GetValueOrDefault(to) == request)
                    {
                        snapshotsUnderWay.Remove(to);
                        node.ReportSnapshot(to, delivered);
                    }

                    return ValueTask.FromResult(true);
                },
                false));
        }
    }

    // A few entries stay for followers that lag a little, unless they are so large that keeping them defeats the purpose.
    private ulong EntriesToKeep => node.RetainedBytes > 4 * options.CompactAfterBytes ? 0UL : (ulong)options.KeepEntries;

    private ulong CompactableTo()
    {
        var to = node.Applied.Value - Math.Min(node.Applied.Value, EntriesToKeep);

        // A follower that is here and behind, or takes a snapshot just now, must find what comes next, or under load it would need snapshot
        // after snapshot and never catch up. Not at any price, though: the log is in memory.
        return node.RetainedBytes > 8 * options.CompactAfterBytes
            ? to
            : snapshotsUnderWay.Values.Select(static request => request.Snapshot.LastIncluded.Index).Append(node.LeastMatchHeard()).Aggregate(to, static (least, index) => Math.Min(least, index.Value));
    }

    private void CompactIfLarge()
    {
        if (compacting || node.RetainedBytes < options.CompactAfterBytes / 2)
        {
            return;
        }

        // A flush is of all replicas of the store: when another's has made most of this log dispensable, it needs none of its own soon.
        var (first, last) = (node.CompactedTo.Index.Value, node.LastEntry.Index.Value);
        var half = first + ((last - first) / 2);
        if (storage.State.DurableApplied.Value > half && CompactableTo() > half)
        {
            CompactOnNextTurn(null);
            return;
        }

        // Worth a flush only if a good part of the log would go: the bytes may lie in entries that are kept, or that are not applied yet.
        if (node.RetainedBytes < options.CompactAfterBytes || CompactableTo() <= first + Math.Max(EntriesToKeep / 2, (last - first) / 8))
        {
            return;
        }

        compacting = true;
        background.RemoveAll(static task => task.IsCompleted);
        background.Add(FlushThenCompactAsync());

        async Task FlushThenCompactAsync()
        {
            Exception? failure = null;
            try
            {
                await storage.State.FlushAsync(stopping.Token);
            }
            catch (Exception exception)
            {
                failure = exception;
            }

            CompactOnNextTurn(failure);
        }
    }

    private void CompactOnNextTurn(Exception? failure)
    {
        compacting = true;
        inbox.AddCompletion(new TurnRequest<bool>(
            async () =>
            {
                compacting = false;
                if (failure is not null)
                {
                    System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
                }

                await CompactAsync();
                return true;
            },
            false));
    }

    private async ValueTask CompactAsync()
    {
        var to = new LogIndex(Math.Min(CompactableTo(), storage.State.DurableApplied.Value));
        if (to > node.CompactedTo.Index)
        {
            await storage.CompactToAsync(node.SnapshotAt(to));
            node.CompactTo(to);
        }
    }
}
