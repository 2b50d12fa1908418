using MultiDc.Client;
using MultiDc.Client.Locks;
using MultiDc.Grains;

namespace MultiDc.Server.Tests.Examples;

/// <summary>What the README shows, word for word: each region is one of its blocks.</summary>
internal sealed class ReadmeExamples(IMultiDcClient carts, MultiDcLocks locks)
{
    public async Task CompareAndSetAsync()
    {
        #region compare and set
        switch (await carts.CompareAndSetAsync("default", "cart/42", expected: "2 items", value: "3 items"))
        {
            case Applied applied:   /* happened, once, durably */ break;
            case Rejected rejected: /* did not and never will: rejected.Reason */ break;
            case Unknown unknown:   /* may have happened: read to find out */ break;
        }
        #endregion
    }

    public async Task<WriteResult> AddAndBatchAsync()
    {
        #region add and batch
        if (await carts.AddAsync("default", "visits", 1) is AppliedNumber visits) { /* visits.Number, also when the request had to be repeated */ }

        var paid = await carts.BatchAsync("default",
            conditions: [When.Absent("{order-42}/paid")],
            then: [Do.Put("{order-42}/paid", "by card"), Do.Add("{order-42}/total", -30), Do.Get("{order-42}/lines")],
            otherwise: [Do.Get("{order-42}/paid")]);
        if (paid is AppliedBatch { Succeeded: false } already) { /* already.Results[0].Entry */ }
        #endregion
        return paid;
    }

    public async Task LockAsync(Action stop)
    {
        #region lock
        await using var held = await locks.AcquireAsync("default", "order-42", ttl: TimeSpan.FromSeconds(10));
        await carts.PutAsync("default", "{order-42}/shipped", "yes", held.Guard);   // FencingTokenStale, if another has acquired the lock meanwhile
        held.Lost.Register(stop);                                                   // cancelled before the shard gives it to another, if this process runs
        #endregion
    }

    public async Task<LockHolder?> SemaphoreAndElectionAsync()
    {
        #region semaphore and election
        await using var place = await locks.AcquireSemaphoreAsync("default", "exports", places: 3, ttl: TimeSpan.FromSeconds(10));
        await carts.PutAsync("default", "{exports}/last", "42", place.Guard);   // FencingTokenStale, if another has acquired this place meanwhile

        var election = locks.Election("default", "billing", ttl: TimeSpan.FromSeconds(10));
        await using var leadership = await election.CampaignAsync("host-7");    // waits until it leads; leadership.Lost, .Guard, .ResignAsync()
        await foreach (var leader in election.ObserveAsync())                   // from anywhere: leader.Holder, leader.Token; null: nobody leads
        #endregion
        {
            return leader;
        }

        return null;
    }

    public async Task<string> WatchAsync(Action told, int until)
    {
        var lastToken = "";
        var events = 0;
        #region watch
        await foreach (var batch in carts.WatchPrefixAsync("default", "cart/", WatchStart.Now))
        {
            foreach (var change in batch.Events) { /* change.KeyText(), change.ValueText(): null when it was removed */ }
            lastToken = batch.Token.ToString();   // a later watch goes on here: WatchStart.After(WatchToken.Parse(lastToken))
        #endregion
            told();
            events += batch.Events.Count;
            if (events >= until)
            {
                break;
            }
        }

        return lastToken;
    }
}
