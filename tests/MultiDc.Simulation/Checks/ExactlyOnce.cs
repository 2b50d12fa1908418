using System.Text;
using MultiDc.Server.StateMachine;

namespace MultiDc.Simulation;

/// <summary>
/// Exactly once, and durable (§6.3): the final state of every replica is what the committed log amounts to when each session's write is
/// applied once; every write that a client was told is applied is in that log, where it was told; none that it was told failed is; and the
/// counters say the same.
/// </summary>
internal static class ExactlyOnce
{
    public static void Check(SimulatedWorld world)
    {
        var model = new DumbStateMachine();
        foreach (var entry in world.Checks.Committed.Entries)
        {
            model.Apply(entry);
        }

        foreach (var replica in world.Replicas.Where(r => r.IsWitness is false && r.Process?.Pump?.Node.Applied.Value == world.Checks.Committed.Last))
        {
            CompareStates(world, replica, model);
        }

        foreach (var acknowledgement in world.Acknowledgements.All)
        {
            CheckOutcome(world, acknowledgement, model);
        }

        foreach (var workload in world.Workloads)
        {
            CheckCounter(world, workload, model);
        }
    }

    private static void CompareStates(SimulatedWorld world, SimulatedReplica replica, DumbStateMachine model)
    {
        var state = replica.Disk.Replicas[replica.StoreName].State;
        var first = state.LowerBound(StateRows.EntryKey(default).Span);
        var end = state.LowerBound(StateRows.AfterEntries.Span);
        if (end - first != model.Keys.Count || state.Count - end != model.SessionCount)
        {
            world.Violations.Report(
                nameof(ExactlyOnce),
                $"{replica} has {end - first} keys and {state.Count - end} sessions, the committed log amounts to {model.Keys.Count} and {model.SessionCount}");
        }

        var at = first;
        foreach (var (key, (value, version)) in model.Keys)
        {
            var row = state[at++];
            var entry = StateRows.DecodeEntry(StateRows.KeyOfEntryRow(row.Key), row.Value);
            if (Text(entry.Key) != key || Text(entry.Value) != value || entry.Version != version)
            {
                world.Violations.Report(
                    nameof(ExactlyOnce),
                    $"{replica}: {Text(entry.Key)} is {Text(entry.Value)}, written {entry.Version} times; the committed log amounts to {key}={value}, {version} times");
            }
        }
    }

    private static void CheckOutcome(SimulatedWorld world, Acknowledgement told, DumbStateMachine model)
    {
        var decidedAt = told is { Session: { } session, Sequence: { } sequence } ? model.DecidedAt(session, sequence) : null;
        var isWrong = told.Outcome switch
        {
            Applied applied => decidedAt != applied.Revision.Value,
            Rejected { Reason: RejectionReason.PreconditionFailed } => decidedAt is null,
            Rejected => decidedAt is not null,
            _ => false,
        };
        if (isWrong)
        {
            world.Violations.Report(
                nameof(ExactlyOnce),
                $"{told.Client} was told {told.Outcome} about {told.Operation} (session {told.Session?.Value}, write {told.Sequence?.Value}), "
                    + $"and the committed log has it {(decidedAt is { } index ? $"at {index}" : "nowhere")}");
        }
    }

    private static void CheckCounter(SimulatedWorld world, ClientWorkload workload, DumbStateMachine model)
    {
        var count = model.Keys.TryGetValue(workload.CounterKey, out var value) ? int.Parse(value.Value) : 0;
        if (count < workload.Increments || count > workload.Increments + workload.PossibleIncrements)
        {
            world.Violations.Report(
                nameof(ExactlyOnce),
                $"{workload.CounterKey} is {count} after {workload.Increments} increments and {workload.PossibleIncrements} of unknown outcome");
        }
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
