using System.Collections.Immutable;
using MultiDc.Grains;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>
/// The end of leases on keys: the leader proposes it when a lease's life is over by its own clock, and the entry decides. While the group ticks, each round looks; a
/// silent group is woken when the first of its leases may end, by all of its replicas, so that another leader is found if the leader is gone.
/// </summary>
internal sealed partial class ReplicaPump
{
    private const int MaxLeasesOfEntry = 64;
    private static readonly TimeSpan LeaseProposalPatience = TimeSpan.FromSeconds(1);

    // Who does not answer is away, and the lease then ends later, as it does when nobody knows better.
    private const int MaxQuestionsAboutLeases = 6;
    private static readonly TimeSpan FirstPauseOfQuestions = TimeSpan.FromMilliseconds(250);

    private LeaseClock? leaseClock;
    private Term askedAboutLeasesIn;
    private int questionsAboutLeases;
    private ITimer? leaseTimer;
    private long? leaseTimerEnd;

    /// <summary>Reads a lease, linearizably; null: there is none. On the pump's turn also under a leader's lease: the clock belongs to it.</summary>
    public Task<LeaseReply> ReadLeaseAsync(LeaseId lease) => ReadOnTurnAsync(
        async state => new LeaseReply(await LeaseStatusAsync(state, lease), null) { Revision = new(state.Applied.Value) }, static rejected => new LeaseReply(null, rejected));

    /// <summary>
    /// Asks another replica how long the leases live on by its clock; null: nobody is asked. Throws what it likes when there is no answer, and ends when the token is cancelled.
    /// </summary>
    public Func<ReplicaPlace, CancellationToken, Task<ImmutableArray<RemainingLease>>>? AskAboutLeases { get; init; }

    /// <summary>How long the leases live on by this replica's clock, whoever leads.</summary>
    public Task<ImmutableArray<RemainingLease>> GetRemainingLeasesAsync()
    {
        var turn = new TurnRequest<ImmutableArray<RemainingLease>>(() => ValueTask.FromResult(leaseClock?.Remaining(time.GetTimestamp()) ?? []), []);
        return Enqueue(turn) is null ? turn.Result : Task.FromResult(ImmutableArray<RemainingLease>.Empty);
    }

    private void KeepLeases()
    {
        var (isReset, changes) = stateMachine.TakeLeaseChanges();
        if (isReset || changes.Count > 0)
        {
            // Read after the entries were applied: later than need be, never earlier.
            leaseClock ??= new(time);
            leaseClock.Take(isReset, changes, time.GetTimestamp());
        }

        if (leaseClock is null or { Count: 0 } || node.Configuration.IsWitness(node.Id))
        {
            return;
        }

        if (isReset || (node.Role == RaftRole.Leader && node.Term != askedAboutLeasesIn))
        {
            // Loaded, this clock saw none of the renewals; and a leader's clock counts, whatever it has missed as a follower.
            askedAboutLeasesIn = node.Role == RaftRole.Leader ? node.Term : askedAboutLeasesIn;
            AskOthersAboutLeases();
        }

        if (node.Role == RaftRole.Leader)
        {
            ProposeExpiries(leaseClock);
        }

        if (node.IsQuiesced && leaseClock.NextEnd is { } end && end != leaseTimerEnd)
        {
            var now = time.GetTimestamp();
            var left = end > now ? time.GetElapsedTime(now, end) : TimeSpan.Zero;
            leaseTimer ??= time.CreateTimer(static pump => ((ReplicaPump)pump!).WakeForLeases(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            leaseTimerEnd = end;

            // Timers count whole milliseconds, and may be early by a fraction.
            leaseTimer.Change(left + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        }
    }

    private void AskOthersAboutLeases()
    {
        if (AskAboutLeases is not { } ask)
        {
            return;
        }

        var question = ++questionsAboutLeases;
        background.RemoveAll(static task => task.IsCompleted);
        foreach (var other in node.Configuration.Members.Where(member => member != node.Id && !node.Configuration.IsWitness(member)))
        {
            if (members.PlaceOf(other) is { } place)
            {
                background.Add(AskAsync(place));
            }
        }

        async Task AskAsync(ReplicaPlace place)
        {
            var pause = FirstPauseOfQuestions;
            for (var i = 0; i < MaxQuestionsAboutLeases && question == questionsAboutLeases && !stopping.IsCancellationRequested; i++)
            {
                try
                {
                    var told = await ask(place, stopping.Token);
                    inbox.AddCompletion(new TurnRequest<bool>(
                        () =>
                        {
                            leaseClock?.Hear(told, time.GetTimestamp());
                            return ValueTask.FromResult(true);
                        },
                        false));
                    return;
                }
                catch (Exception) when (!stopping.IsCancellationRequested)
                {
                    // Away, or of a version that does not know the question.
                }
                catch (Exception)
                {
                    return;
                }

                await Task.Delay(pause, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
                pause *= 2;
            }
        }
    }

    private void ProposeExpiries(LeaseClock clock)
    {
        var now = time.GetTimestamp();
        var due = clock.TakeDue(now, now - (long)(LeaseProposalPatience.TotalSeconds * time.TimestampFrequency), MaxLeasesOfEntry);
        if (due.Count > 0)
        {
            if (!node.Propose(KeyValueCommandCodec.Encode(new ExpireLeasesCommand([.. due]))).Accepted)
            {
                // The next round tries again.
                clock.PutBack(due);
                return;
            }

            // If it is lost, it is proposed again after a while, by whoever leads then.
            metrics.LeasesExpired.Add(due.Count);
            inbox.WakeAgain();
        }
    }

    private void WakeForLeases() => inbox.AddCompletion(new TurnRequest<bool>(
        () =>
        {
            leaseTimerEnd = null;
            if (leaseClock is { Count: > 0 } && leaseClock.NextEnd <= time.GetTimestamp())
            {
                node.Wake();
            }

            return ValueTask.FromResult(true);
        },
        false));

    private async ValueTask<LeaseStatus?> LeaseStatusAsync(IReplicaState state, LeaseId lease)
    {
        if (await state.GetAsync(StateRows.LeaseKey(lease)) is not { } row)
        {
            return null;
        }

        var record = StateRows.DecodeLease(row.Span);
        var keys = new List<ReadOnlyMemory<byte>>();
        using var view = state.OpenView();
        await foreach (var bound in view.ScanAsync(StateRows.BoundKey(lease, default), StateRows.AfterBoundKeys(lease)))
        {
            keys.Add(StateRows.BoundKeyOfRow(bound.Key).Key);
        }

        // A renewal that this very round applied has not reached the clock: nothing of the life has passed.
        return new(lease, record.Ttl, leaseClock?.RemainingOf(lease, record.RenewedAt, time.GetTimestamp()) ?? record.Ttl, keys);
    }
}
