using System.Collections.Concurrent;
using MultiDc.Server.Founding;
using MultiDc.Server.Replication;

namespace MultiDc.Server.Openings;

/// <summary>
/// Remembers, for the replicas of this silo, the other replicas of their groups, and so notices when one of them comes back from a store
/// that was rolled back: an older copy of its data folder, put back under the same identity. Such a store would vote twice in a term, and
/// has forgotten entries that it acknowledged.
/// <para>
/// A replica that was opened presents itself to the others before it takes part (<see cref="OpeningPresenter"/>), with what its store has.
/// Each of them compares that with what it remembers: its openings, durably; and what it ever heard it say (<see cref="Promises"/>), in
/// memory, and durably when this silo ends in good order. Whoever is behind what he had said has forgotten it; that is remembered for good.
/// Only the opening that was accepted here is listened to here, so whoever was not asked yet counts no word of it.
/// </para>
/// <para>
/// Why an honest store is never refused: a replica says nothing before it is durable (but for a leader's own entries, which are not counted as said), openings of a store have rising epochs, and a later
/// opening reads all that an earlier one made durable (<see cref="Storage.IReplicaStorage"/>). So what a store has when it is opened is
/// never less than what any opening before it has said, in whatever order and however late that is heard.
/// </para>
/// <para>
/// Why a rolled-back store does no harm: what it forgot matters if somebody counts on it: a candidate or leader on its vote, a leader or
/// its followers on its entries. They heard of it, so they remember, and one of them is asked: whoever leads now, or else, when nobody is
/// known to lead, any that make a majority with it; the first election timeout, in which a restarted replica does not vote, is there for
/// the answers of the others. What cannot be seen: that all who heard it have forgotten as well (every other silo crashed since), or cannot
/// be asked (those who know are cut off or dead, which with the rolled-back store makes two failures at a time), that a copy of a
/// store runs beside the original, or that only entries are missing which a leader wrote in the last heartbeat interval before it ended.
/// </para>
/// </summary>
internal sealed partial class OpeningJudge(
    Storage.IReplicaStore store, ReplicaRecords records, ReplicaMetrics metrics, TimeProvider time, ILogger<OpeningJudge> logger)
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<GroupMember, Remembered> replicas = new();

    /// <summary>Whether this opening of another replica was accepted here and none since. Once a replica is loaded.</summary>
    public bool ListensTo(GroupMember other, Guid storeId, ulong epoch, Guid openingId) =>
        replicas.TryGetValue(other, out var remembered) && remembered.IsOf(storeId, epoch, openingId);

    /// <summary>
    /// As <see cref="ListensTo"/>. A later opening than is known here may have been accepted by another silo over the same store, so the store
    /// is asked again, now and then.
    /// </summary>
    public async ValueTask<bool> ListensToAsync(GroupMember other, Guid storeId, ulong epoch, Guid openingId)
    {
        if (ListensTo(other, storeId, epoch, openingId))
        {
            return true;
        }

        if (!replicas.TryGetValue(other, out var remembered) || remembered.Judging.CurrentCount == 0
            || epoch <= remembered.Memory.Epoch || !remembered.MayLook(time, LookAgain))
        {
            return false;
        }

        await LoadAsync(other);
        return ListensTo(other, storeId, epoch, openingId);
    }

    /// <summary>Adds what the other replica just said.</summary>
    public void Hear(GroupMember other, Promises heard) => Of(other).Hear(heard);

    /// <summary>Reads what the store has, which another silo may have written since it was read here.</summary>
    public async ValueTask LoadAsync(GroupMember other)
    {
        var remembered = Of(other);
        await remembered.Judging.WaitAsync();
        try
        {
            await ReadAsync(other, remembered);
        }
        finally
        {
            remembered.Judging.Release();
        }
    }

    /// <summary>Compares a presentation with what is remembered. What it amounts to is durable when this returns.</summary>
    /// <exception cref="InvalidOperationException">Another presentation by the replica is being judged: ask again.</exception>
    public async ValueTask<(PresentationVerdict Verdict, string Detail)> JudgeAsync(GroupMember other, Presentation presented)
    {
        var home = await records.GetHomeAsync(other) ?? await records.RememberHomeAsync(other, presented.StoreId);
        if (home != presented.StoreId)
        {
            return (PresentationVerdict.NotTheHome, $"the home of replica {other} is store {home}, not {presented.StoreId}: it must not vote in its name");
        }

        // One at a time, so that what is written comes in the order in which it was decided. Nobody waits behind a disk that hangs.
        var remembered = Of(other);
        if (!await remembered.Judging.WaitAsync(0))
        {
            throw new InvalidOperationException($"another presentation by replica {other} is being judged");
        }

        try
        {
            if (await ReadAsync(other, remembered) is { } known)
            {
                return (PresentationVerdict.RolledBack, known);
            }

            var memory = remembered.Memory;
            var (verdict, reason) = memory.Judge(presented);
            if (verdict == PresentationVerdict.RolledBack)
            {
                remembered.HasForgotten = true;
                var detail = $"store {presented.StoreId} of replica {other} was rolled back: {reason}. It must not vote again; replace the replica";
                metrics.RollbacksSeen.Add(1);
                LogRolledBack(logger, detail);
                return (verdict, await records.AddRolledBackAsync(other, presented.StoreId, detail));
            }

            if (verdict == PresentationVerdict.Accepted && !memory.IsOf(presented.StoreId, presented.Epoch, presented.OpeningId))
            {
                memory = memory.After(presented);
                await store.PutRecordAsync(KeyOf(other), memory.Serialize());
                remembered.Take(memory);
            }

            return (verdict, reason);
        }
        finally
        {
            remembered.Judging.Release();
        }
    }

    /// <summary>Makes durable what was heard of the other replica.</summary>
    public async ValueTask SaveAsync(GroupMember other)
    {
        var remembered = Of(other);
        await remembered.Judging.WaitAsync();
        try
        {
            await ReadAsync(other, remembered);
            if (remembered.IsUnsaved)
            {
                await store.PutRecordAsync(KeyOf(other), remembered.Memory.Serialize());
            }
        }
        finally
        {
            remembered.Judging.Release();
        }
    }

    // What is known of a rollback; null: none.
    private async ValueTask<string?> ReadAsync(GroupMember other, Remembered remembered)
    {
        if (await store.GetRecordAsync(KeyOf(other)) is { } bytes)
        {
            remembered.Take(ReplicaMemory.Deserialize(bytes.Span));
        }

        var rolledBack = await records.GetHomeAsync(other) is { } home ? await records.GetRolledBackAsync(other, home) : null;
        remembered.HasForgotten |= rolledBack is not null;
        return rolledBack;
    }

    private Remembered Of(GroupMember other) => replicas.GetOrAdd(other, static _ => new());

    private static string KeyOf(GroupMember other) => $"heard/{other}";

    [LoggerMessage(1140, LogLevel.Error, "{Detail}")]
    private static partial void LogRolledBack(ILogger logger, string detail);

    /// <summary>What is remembered of one replica. Heard by pumps, judged by grains.</summary>
    private sealed class Remembered
    {
        private readonly Lock gate = new();
        private ReplicaMemory opening = ReplicaMemory.Nothing;
        private ReplicaMemory saved = ReplicaMemory.Nothing;
        private Promises promises;
        private long? lookedAt;
        private volatile bool hasForgotten;

        public SemaphoreSlim Judging { get; } = new(1);

        public bool HasForgotten
        {
            get => hasForgotten;
            set => hasForgotten = value;
        }

        public ReplicaMemory Memory
        {
            get
            {
                lock (gate)
                {
                    return opening.Promises == promises ? opening : opening = opening with { Promises = promises };
                }
            }
        }

        public bool IsUnsaved => Memory != saved;

        public bool IsOf(Guid storeId, ulong epoch, Guid openingId)
        {
            lock (gate)
            {
                return opening.IsOf(storeId, epoch, openingId) && !hasForgotten;
            }
        }

        public bool MayLook(TimeProvider time, TimeSpan period)
        {
            lock (gate)
            {
                if (lookedAt is { } before && time.GetElapsedTime(before) < period)
                {
                    return false;
                }

                lookedAt = time.GetTimestamp();
                return true;
            }
        }

        public void Hear(Promises heard)
        {
            lock (gate)
            {
                promises = promises.And(heard);
            }
        }

        /// <summary>This is durable.</summary>
        public void Take(ReplicaMemory stored)
        {
            lock (gate)
            {
                saved = stored;
                promises = promises.And(stored.Promises);
                if (stored.Epoch >= opening.Epoch)
                {
                    opening = stored;
                }
            }
        }
    }
}
