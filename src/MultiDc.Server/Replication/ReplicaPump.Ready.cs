namespace MultiDc.Server.Replication;

/// <summary>How the pump carries out what its node wants: persist, then speak, then apply and answer, then advance.</summary>
internal sealed partial class ReplicaPump
{
    private ValueTask<bool> ServeReadsAsync() => reads.ServeAsync(storage, node, readClock, findLeader);

    private async ValueTask CarryOutAllAsync()
    {
        ObserveTime();
        while (node.TryGetReady(out var ready))
        {
            await CarryOutAsync(ready);
        }
    }

    private async ValueTask CarryOutAsync(Ready ready)
    {
        // Before anything leaves that may end a lease or tells others what is committed.
        PublishLease();

        // 1. Durable first: the term and vote behind a vote, the entries behind an acknowledgement. A write proves as well that this is still
        // the replica's newest opening; where there is nothing to write the store is asked, because whoever answers is counted in a quorum
        // or trusted with a promise, and a later opening may have broken it. A leader's appends are no such word: they may overtake its own write.
        if (ready.HardState is not null || ready.SnapshotToInstall is not null || ready.EntriesToPersist.Count > 0)
        {
            var startedAt = time.GetTimestamp();
            var persisting = storage.WriteAsync(new()
            {
                HardState = ready.HardState,
                Install = ready.SnapshotToInstall is null ? null : await TakeStagedAsync(ready.SnapshotToInstall),
                Entries = ready.EntriesToPersist,
            });
            if (ready.MessagesWhilePersisting.Count > 0)
            {
                transport.Send(sender, ready.MessagesWhilePersisting);
            }

            await persisting;
            metrics.PersistDuration.Record(time.GetElapsedTime(startedAt).TotalSeconds);
        }
        else if (IsCountedOn(ready.MessagesAfterPersist))
        {
            await storage.ConfirmEpochAsync();
        }

        // 2. Only then speak.
        if (ready.MessagesAfterPersist.Count > 0)
        {
            transport.Send(sender, ready.MessagesAfterPersist);
        }

        // 3. Then apply and answer.
        if (ready.SnapshotToInstall is { } installed)
        {
            await stateMachine.LoadAsync();
            proposals.ForgetUpTo(installed.LastIncluded.Index);
            History.BeginAt(storage.State.Applied);
            LogSnapshotInstalled(logger, sender.Address, installed.LastIncluded);
        }

        if (ready.EntriesToApply.Count > 0)
        {
            RequirePayloads(ready.EntriesToApply);
            var results = await stateMachine.ApplyAsync(ready.EntriesToApply);
            History.Add(stateMachine.Changes, ready.EntriesToApply[^1].Index);
            for (var i = 0; i < results.Length; i++)
            {
                proposals.Settle(ready.EntriesToApply[i], results[i]);
            }

            metrics.EntriesApplied.Add(results.Length);
            if (stateMachine.HasRenewedLeases)
            {
                // The followers' clocks start when they apply it too: a heartbeat later would be a heartbeat too much for whoever leads next.
                node.TellCommit();
            }

            PublishLease();
        }

        reads.Take(ready, findLeader);
        await ServeReadsAsync();

        // 4. Then the next.
        node.Advance();
        foreach (var follower in ready.SnapshotsToSend)
        {
            SendSnapshot(follower);
        }
    }

    private static bool IsCountedOn(IReadOnlyList<RaftMessage> messages)
    {
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is AppendAccepted or HeartbeatResponse or VoteResponse or QuiesceResponse)
            {
                return true;
            }
        }

        return false;
    }
}
