using System.Numerics;
using System.Text.RegularExpressions;
using MultiDc.Grains;
using MultiDc.Ring;
using MultiDc.Server.StateMachine;
using static MultiDc.Server.Tests.StateMachine.OperationDraft;

namespace MultiDc.Server.Tests.StateMachine;

/// <summary>What every operation does, written down once more: without rows, overlays or codecs, and with big integers.</summary>
internal sealed partial class OperationTwin(HashRange range)
{
    private readonly Dictionary<ulong, (ulong Sequence, string Result)> sessions = [];
    private readonly Dictionary<string, ulong> guards = [];
    private readonly Dictionary<ulong, TwinLease> leases = [];
    private Dictionary<string, TwinEntry> entries = [];

    public sealed record TwinEntry(string Value, ulong Create, ulong Modify, ulong Version, ulong Lease);

    public sealed record TwinLease(TimeSpan Ttl, ulong RenewedAt);

    public IEnumerable<string> Leases => leases.OrderBy(static l => l.Key)
        .Select(l => $"{l.Key} {l.Value.Ttl} {l.Value.RenewedAt}: {string.Join(' ', entries.Where(e => e.Value.Lease == l.Key).Select(static e => e.Key).Order(StringComparer.Ordinal))}");

    public IReadOnlyDictionary<string, TwinEntry> Entries => entries;

    public IReadOnlyDictionary<string, ulong> Guards => guards;

    public string Apply(ulong index, KeyValueCommand command)
    {
        if (command is ExpireLeasesCommand expire)
        {
            foreach (var (lease, renewedAt) in expire.Leases)
            {
                if (leases.TryGetValue(lease.Value, out var present) && present.RenewedAt == renewedAt.Value)
                {
                    End(lease.Value);
                }
            }

            return $"applied {index}";
        }

        if (command is not WriteCommand write)
        {
            sessions.Add(index, (0, ""));
            return $"applied {index}";
        }

        if (!sessions.TryGetValue(write.Session.Value, out var session))
        {
            return "SessionExpired";
        }

        if (write.Sequence.Value < session.Sequence)
        {
            return "unknown";
        }

        if (write.Sequence.Value > session.Sequence)
        {
            session = sessions[write.Session.Value] = (write.Sequence.Value, Guarded(index, write.Operation));
        }

        return session.Result;
    }

    public static string Describe(WriteResult result) => result switch
    {
        AppliedNumber number => $"applied {number.Revision}: {number.Number}",
        AppliedBatch batch => $"applied {batch.Revision}, {(batch.Succeeded ? "then" : "else")}: {string.Join(", ", batch.Results.Select(Describe))}",
        AppliedKeepAlive keep => $"applied {keep.Revision}, lost {string.Join(' ', keep.Lost)}",
        Applied applied => $"applied {applied.Revision}",
        Rejected rejected => rejected.Reason.ToString(),
        _ => "unknown",
    };

    private static string Describe(StepResult result) => result switch
    {
        { Entry: { } entry } => $"{Text(entry.Key)}={Text(entry.Value)} {entry.CreateRevision} {entry.ModifyRevision} {entry.Version}",
        { Number: { } number } => $"{number}",
        _ => "-",
    };

    private string Guarded(ulong index, WriteOperation operation)
    {
        IEnumerable<ReadOnlyMemory<byte>> keys = operation is BatchOperation all ? all.Keys.Append(operation.Key) : [operation.Key];
        if (!keys.All(key => range.Contains(key.Span)))
        {
            return "WrongShard";
        }

        if (operation.Guard is { } guard)
        {
            if (guards.TryGetValue(guard.Name, out var seen) && seen > guard.Token)
            {
                return "FencingTokenStale";
            }

            guards[guard.Name] = guard.Token;
            if (operation is ForgetGuardOperation)
            {
                guards.Remove(guard.Name);
                return $"applied {index}";
            }
        }

        switch (operation)
        {
            case GrantLeaseOperation grant:
                leases[index] = new(grant.Ttl, index);
                return $"applied {index}";
            case RevokeLeaseOperation revoke:
                return End(revoke.Lease.Value) ? $"applied {index}" : "LeaseNotFound";
            case KeepAliveOperation keep:
                var lost = keep.Leases.Where(lease => !leases.ContainsKey(lease.Value)).ToArray();
                foreach (var lease in keep.Leases.Except(lost))
                {
                    leases[lease.Value] = leases[lease.Value] with { RenewedAt = index };
                }

                return $"applied {index}, lost {string.Join(' ', lost)}";
        }

        var (before, guardsBefore) = (new Dictionary<string, TwinEntry>(entries), new Dictionary<string, ulong>(guards));
        var result = operation is BatchOperation batch ? Several(index, batch) : One(index, operation);
        if (result.StartsWith('!'))
        {
            entries = before;
            guards.Clear();
            foreach (var (name, token) in guardsBefore)
            {
                guards.Add(name, token);
            }

            return result[1..];
        }

        return operation is BatchOperation ? result : result == "-" ? $"applied {index}" : $"applied {index}: {result}";
    }

    private bool End(ulong lease)
    {
        foreach (var key in entries.Where(e => e.Value.Lease == lease).Select(static e => e.Key).ToArray())
        {
            entries.Remove(key);
        }

        return leases.Remove(lease);
    }

    private string Several(ulong index, BatchOperation batch)
    {
        var holds = batch.If.All(Holds);
        var results = new List<string>();
        foreach (var step in holds ? batch.Then : batch.Else)
        {
            results.Add(One(index, step));
            if (results[^1].StartsWith('!'))
            {
                return results[^1];
            }
        }

        return $"applied {index}, {(holds ? "then" : "else")}: {string.Join(", ", results)}";
    }

    private bool Holds(Compare compare)
    {
        var present = entries.GetValueOrDefault(Text(compare.Key));
        if (compare.Target == CompareTarget.Value)
        {
            return present?.Value == Text(compare.Value);
        }

        var number = present is null ? 0 : compare.Target == CompareTarget.CreateRevision ? present.Create : compare.Target == CompareTarget.ModifyRevision ? present.Modify : present.Version;
        return compare.Relation == CompareRelation.Equal ? number == compare.Number : compare.Relation == CompareRelation.Less ? number < compare.Number : number > compare.Number;
    }

    private string One(ulong index, WriteOperation operation)
    {
        var key = Text(operation.Key);
        var present = entries.GetValueOrDefault(key);
        switch (operation)
        {
            case GetOperation:
                return present is null ? "-" : $"{key}={present.Value} {present.Create} {present.Modify} {present.Version}";
            case DeleteOperation:
                entries.Remove(key);
                return "-";
            case FenceOperation fence:
                guards[fence.Name] = index;
                return $"{index}";
            case PutOperation put:
                return put.Lease.IsNone || leases.ContainsKey(put.Lease.Value) ? Set(Text(put.Value), "-", put.Lease.Value) : "!LeaseNotFound";
            case CompareAndSetOperation set:
                return present?.Value == (set.Expected is { } expected ? Text(expected) : null) ? Set(Text(set.Value), "-", 0) : "!PreconditionFailed";
            case AppendOperation append:
                var text = present?.Value + Text(append.Value);
                return Set(text, $"{text.Length}");
            case AddOperation or MaxOperation when present is not null && !(IntegerText().IsMatch(present.Value) && Fits(BigInteger.Parse(present.Value))):
                return "!NotAnInteger";
            case AddOperation add:
                var sum = BigInteger.Parse(present?.Value ?? "0") + add.Delta;
                return Fits(sum) ? Set($"{sum}", $"{sum}") : "!OutOfRange";
            case MaxOperation max:
                var greatest = present is null ? max.Number : BigInteger.Max(BigInteger.Parse(present.Value), max.Number);
                return $"{greatest}" == present?.Value ? present.Value : Set($"{greatest}", $"{greatest}");
            default:
                throw new InvalidOperationException();
        }

        string Set(string value, string result, ulong? lease = null)
        {
            entries[key] = new(value, present?.Create ?? index, index, (present?.Version ?? 0) + (present?.Modify == index ? 0UL : 1UL), lease ?? present?.Lease ?? 0);
            return result;
        }
    }

    private static bool Fits(BigInteger number) => number >= long.MinValue && number <= long.MaxValue;

    [GeneratedRegex("^(0|-?[1-9][0-9]*)$")]
    private static partial Regex IntegerText();
}
