using MultiDc.Grains;
using MultiDc.Storage;

namespace MultiDc.Server.StateMachine;

/// <summary>Fencing tokens: for each guard's name the greatest one seen. The rows stay in the store; only their number is in memory.</summary>
internal sealed partial class KeyValueStateMachine
{
    private int guardCount;

    // By the batch that is being applied.
    private int newGuards;

    private async ValueTask LoadGuardsAsync(IReplicaStateView view)
    {
        guardCount = 0;
        await foreach (var row in view.ScanAsync(StateRows.FirstGuard, StateRows.AfterGuards))
        {
            guardCount++;
        }
    }

    /// <summary>Lets a write pass its guard, and remembers the token; says why it may not pass otherwise.</summary>
    private async ValueTask<SessionOutcome?> PassAsync(LogIndex index, Guard guard, bool isForgotten)
    {
        var row = StateRows.GuardKey(guard.Name);
        GuardRecord? seen = await CurrentAsync(row) is { } bytes ? StateRows.DecodeGuard(bytes.Span) : null;
        if (seen is { } greatest && guard.Token < greatest.Token)
        {
            return SessionOutcome.FencingTokenStale;
        }

        if (isForgotten)
        {
            changed[row] = null;
            guardCount -= seen is null ? 0 : 1;
        }
        else if (seen is null && guardCount >= Guard.MaxGuardsOfShard)
        {
            return SessionOutcome.LimitReached;
        }
        else if (seen is null || guard.Token > seen.Value.Token)
        {
            changed[row] = StateRows.Encode(new GuardRecord(guard.Token, index));
            guardCount += seen is null ? 1 : 0;
        }

        return null;
    }

    /// <summary>Raises a guard to this entry's own revision, which is greater than all that were before it.</summary>
    private async ValueTask<SessionOutcome> FenceAsync(LogIndex index, string name, Dictionary<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>?> changes)
    {
        var row = StateRows.GuardKey(name);
        if (await CurrentAsync(row) is not { } bytes)
        {
            if (guardCount + newGuards >= Guard.MaxGuardsOfShard)
            {
                return SessionOutcome.LimitReached;
            }

            newGuards++;
        }
        else if (StateRows.DecodeGuard(bytes.Span).Token > index.Value)
        {
            // Somebody used tokens of another kind under this name.
            return SessionOutcome.FencingTokenStale;
        }

        changes[row] = StateRows.Encode(new GuardRecord(index.Value, index));
        return SessionOutcome.Applied;
    }
}
