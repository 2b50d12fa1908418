using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Host.Bench;
using MultiDc.Host.Loading;
using MultiDc.Ring;

namespace MultiDc.Host.Output;

/// <summary>For people and pipes: values on standard output, everything that went wrong on standard error.</summary>
internal sealed class PlainResultWriter(TextWriter output, TextWriter error, bool isVerbose = false) : IResultWriter
{
    public void Read(string key, ReadResult result, SessionToken? token)
    {
        switch (result)
        {
            case ReadServed { Entry: { } entry }:
                output.WriteLine(TextOf(entry.Value.Span));
                break;
            case ReadServed:
                error.WriteLine($"there is no key '{key}'");
                break;
            case ReadRejected rejected:
                Refused(rejected.Reason, rejected.Detail);
                break;
        }

        if (isVerbose && result is ReadServed served)
        {
            error.WriteLine($"level {JsonNamingPolicy.CamelCase.ConvertName(served.Level.ToString())}, revision {served.Revision}, {(served.Staleness is { } age ? $"at most {age.TotalMilliseconds:0.###} ms old" : "of unknown age")}, served by {served.Datacenter}");
        }

        Session(token);
    }

    public void Write(string key, WriteResult result, SessionToken? token)
    {
        switch (result)
        {
            case AppliedNumber number:
                output.WriteLine(number.Number);
                break;
            case Applied applied:
                output.WriteLine($"applied at revision {applied.Revision}");
                break;
            case Rejected rejected:
                Refused(rejected.Reason, rejected.Detail);
                break;
            case Unknown unknown:
                error.WriteLine($"unknown whether it happened: {unknown.Detail}");
                break;
        }

        Session(token);
    }

    public void Batch(BatchOperation batch, WriteResult result, SessionToken? token)
    {
        if (result is not AppliedBatch applied)
        {
            Write("", result, token);
            return;
        }

        output.WriteLine($"{(applied.Succeeded ? "then" : "else")}\tapplied at revision {applied.Revision}");
        foreach (var (operation, step) in (applied.Succeeded ? batch.Then : batch.Else).Zip(applied.Results))
        {
            // An absent key has no third column, where an empty value has an empty one.
            output.WriteLine($"{Outcomes.NameOf(operation)}\t{TextOf(operation.Key.Span)}"
                + (step.Entry is { } entry ? $"\t{TextOf(entry.Value.Span)}" : step.Number is { } number ? $"\t{number}" : ""));
        }

        if (!applied.Succeeded && batch.Else.IsEmpty)
        {
            error.WriteLine("a condition does not hold: nothing was changed");
        }

        Session(token);
    }

    public void Entry(KeyValueEntry entry) => output.WriteLine($"{TextOf(entry.Key.Span)}\t{TextOf(entry.Value.Span)}");

    public void Watched(WatchBatch batch)
    {
        foreach (var change in batch.Events)
        {
            output.WriteLine(change.Entry is { } entry
                ? $"{batch.Revision}\tput\t{TextOf(change.Key.Span)}\t{TextOf(entry.Value.Span)}"
                : $"{batch.Revision}\tdelete\t{TextOf(change.Key.Span)}");
        }
    }

    public void WatchEnded(WatchToken? token)
    {
        if (token is not null)
        {
            error.WriteLine($"go on with --from {token}");
        }
    }

    public void WatchCompacted(WatchCompactedException exception) => error.WriteLine($"compacted: {exception.Message}");

    public void ScanStopped(ScanToken? token)
    {
        if (token is not null)
        {
            error.WriteLine($"go on with --token {token}");
        }
    }

    public void ScanRefused(RejectionReason reason, string detail) => Refused(reason, detail);

    public void Status(RingSnapshot? ring, IReadOnlyList<ReplicaStatus> replicas)
    {
        output.WriteLine(ring is null ? "ring: no datacenter tells one" : $"ring: version {ring.Version.Value}");
        foreach (var member in ring?.Members ?? [])
        {
            output.WriteLine($"silo {member.Silo}: datacenter {member.Datacenter}, weight {member.Weight}");
        }

        foreach (var keyspace in ring?.Keyspaces ?? [])
        {
            output.WriteLine($"keyspace {keyspace.Name}: {keyspace.ShardCount} shards in {string.Join(", ", keyspace.Datacenters.Select(d => Replicas(keyspace, d)))}{(keyspace.Witnesses.IsDefaultOrEmpty ? "" : $", witness {string.Join(", ", keyspace.Witnesses)}")}");
        }

        WriteTable(
            ["REPLICA", "STATE", "ROLE", "TERM", "LEADER", "COMMIT", "APPLIED", "LAST", "SILO", "DETAIL"],
            [.. replicas.Select(static r => new[]
            {
                r.Replica, r.State, r.Role, r.Term.ToString(), r.LeaderPlace?.ToString() ?? "", r.CommitIndex.ToString(), r.AppliedIndex.ToString(), r.LastIndex.ToString(), r.Silo, r.Detail,
            })]);
    }

    public void Keyspaces(IReadOnlyList<KeyspaceDescriptor> keyspaces) => WriteTable(
        ["KEYSPACE", "SHARDS", "BY", "DATACENTERS", "LEADERS", "READ", "MAX VALUE", "MAX SHARD", "SURVIVES", "SPLIT AT"],
        [.. keyspaces.Select(static k => new[]
        {
            k.Name,
            k.ShardCount.ToString(),
            k.Partitioning == Partitioning.Hash ? "hash" : "range",
            string.Join(", ", k.Datacenters.Select(d => k.FullDatacenters.Contains(d) ? Replicas(k, d) : $"{d} (witness)")),
            k.PreferredLeaders.IsDefaultOrEmpty ? "-" : string.Join(", ", k.PreferredLeaders),
            (k.ReadDefault ?? new(ReadLevelKind.Linearizable)).ToString(),
            (k.MaxValueBytes ?? KeyLimits.MaxValueBytes).ToString(),
            k.MaxShardBytes?.ToString() ?? "-",
            k.Survives is { } goal ? JsonNamingPolicy.CamelCase.ConvertName(goal.ToString()) : "-",
            k.SplitPoints.IsDefaultOrEmpty ? "" : string.Join(", ", k.SplitPoints.Select(static split => TextOf(split.Span))),
        })]);

    private static string Replicas(KeyspaceDescriptor keyspace, DatacenterId datacenter) =>
        keyspace.ReplicasIn(datacenter) is > 1 and var several ? $"{datacenter} ({several} replicas)" : datacenter.Value;

    public void KeyspaceChanged(string name, WriteResult result) => Write(name, result, null);

    public void Loaded(LoadSummary summary)
    {
        var parts = new List<string> { $"{summary.Loaded} rows loaded" };
        AddUnlessZero(summary.Skipped, "bad lines skipped");
        AddUnlessZero(summary.Rejected, "rejected");
        AddUnlessZero(summary.Unknown, "unknown");
        AddUnlessZero(summary.NotTried, "not tried");
        output.WriteLine($"{string.Join(", ", parts)} in {summary.Elapsed.TotalSeconds:0.0} s");

        void AddUnlessZero(long count, string name)
        {
            if (count > 0)
            {
                parts.Add($"{count} {name}");
            }
        }
    }

    public void Benched(BenchReport report) => report.Write(output);

    // Without it the next command could not go on in the session.
    private void Session(SessionToken? token)
    {
        if (token is not null)
        {
            error.WriteLine($"session {token}");
        }
    }

    private void Refused(RejectionReason reason, string detail) =>
        error.WriteLine($"{(Outcomes.ExitCodeOf(reason) == ExitCode.Unavailable ? "unavailable" : "rejected")}: {detail} ({JsonNamingPolicy.CamelCase.ConvertName(reason.ToString())})");

    private static string TextOf(ReadOnlySpan<byte> bytes) => Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : $"base64:{Convert.ToBase64String(bytes)}";

    private void WriteTable(string[] head, string[][] rows)
    {
        var widths = head.Select((name, column) => rows.Select(row => row[column].Length).Append(name.Length).Max()).ToArray();
        foreach (var row in rows.Prepend(head))
        {
            output.WriteLine(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }
}
