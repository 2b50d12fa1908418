using System.Text.Json;
using MultiDc.Client;
using MultiDc.Grains;
using MultiDc.Host.Bench;
using MultiDc.Host.Loading;
using MultiDc.Ring;

namespace MultiDc.Host.Output;

/// <summary>
/// One JSON object per line. The names are part of the command line's interface. Keys and values that are not UTF-8 appear as
/// <c>keyBase64</c> and <c>valueBase64</c> instead of <c>key</c> and <c>value</c>.
/// </summary>
internal sealed class JsonResultWriter(TextWriter output) : IResultWriter
{
    public void Read(string key, ReadResult result, SessionToken? token) => Line(json =>
    {
        switch (result)
        {
            case ReadServed { Entry: { } entry }:
                json.WriteString("outcome", "found");
                WriteEntry(json, entry);
                break;
            case ReadServed:
                json.WriteString("outcome", "absent");
                json.WriteString("key", key);
                break;
            case ReadRejected rejected:
                json.WriteString("outcome", "rejected");
                json.WriteString("key", key);
                WriteReason(json, rejected.Reason, rejected.Detail);
                break;
        }

        if (result is ReadServed { Datacenter.Value: not null } served)
        {
            json.WriteString("level", NameOf(served.Level.ToString()));
            json.WriteNumber("revision", served.Revision.Value);
            if (served.Staleness is { } staleness)
            {
                json.WriteNumber("stalenessMilliseconds", Math.Round(staleness.TotalMilliseconds, 3));
            }

            json.WriteString("datacenter", served.Datacenter.Value);
        }

        WriteToken(json, token);
    });

    public void Write(string key, WriteResult result, SessionToken? token) => WriteOutcome("key", key, result, token);

    public void KeyspaceChanged(string name, WriteResult result) => WriteOutcome("keyspace", name, result, null);

    public void Keyspaces(IReadOnlyList<KeyspaceDescriptor> keyspaces)
    {
        foreach (var keyspace in keyspaces)
        {
            Line(json => WriteKeyspace(json, keyspace));
        }
    }

    private void WriteOutcome(string what, string name, WriteResult result, SessionToken? token) => Line(json =>
    {
        WriteOutcomeOf(json, result, (what, name));
        WriteToken(json, token);
    });

    private static void WriteOutcomeOf(Utf8JsonWriter json, WriteResult result, (string What, string Name)? of = null)
    {
        json.WriteString("outcome", result is Applied ? "applied" : NameOf(result.GetType().Name));
        if (of is var (what, name))
        {
            json.WriteString(what, name);
        }

        if (result is AppliedNumber number)
        {
            json.WriteNumber("number", number.Number);
        }

        switch (result)
        {
            case Applied applied:
                json.WriteNumber("revision", applied.Revision.Value);
                break;
            case Rejected rejected:
                WriteReason(json, rejected.Reason, rejected.Detail);
                break;
            case Unknown unknown:
                json.WriteString("detail", unknown.Detail);
                break;
        }
    }

    public void Batch(BatchOperation batch, WriteResult result, SessionToken? token) => Line(json =>
    {
        WriteOutcomeOf(json, result);
        if (result is AppliedBatch applied)
        {
            json.WriteString("branch", applied.Succeeded ? "then" : "else");
            json.WriteStartArray("results");
            foreach (var (operation, step) in (applied.Succeeded ? batch.Then : batch.Else).Zip(applied.Results))
            {
                json.WriteStartObject();
                json.WriteString("operation", Outcomes.NameOf(operation));
                if (step.Entry is { } entry)
                {
                    WriteEntry(json, entry);
                }
                else
                {
                    JsonLine.WriteBytes(json, "key", operation.Key.Span);
                }

                if (operation is GetOperation)
                {
                    json.WriteBoolean("found", step.Entry is not null);
                }

                if (step.Number is { } number)
                {
                    json.WriteNumber("number", number);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        WriteToken(json, token);
    });

    public void Entry(KeyValueEntry entry) => Line(json => WriteEntry(json, entry));

    public void Watched(WatchBatch batch) => Line(json =>
    {
        json.WriteString("shard", batch.Shard.ToString());
        json.WriteNumber("revision", batch.Revision.Value);
        json.WriteStartArray("events");
        foreach (var change in batch.Events)
        {
            json.WriteStartObject();
            json.WriteString("change", change.Entry is null ? "delete" : "put");
            if (change.Entry is { } entry)
            {
                WriteEntry(json, entry);
            }
            else
            {
                JsonLine.WriteBytes(json, "key", change.Key.Span);
            }

            if (change.PreviousRevision is { } previous)
            {
                json.WriteNumber("previousRevision", previous.Value);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("token", batch.Token.ToString());
    });

    // Every line has told it.
    public void WatchEnded(WatchToken? token)
    {
    }

    public void WatchCompacted(WatchCompactedException exception) => Line(json =>
    {
        json.WriteString("outcome", "compacted");
        json.WriteString("shard", exception.Shard.ToString());
        json.WriteNumber("asked", exception.Asked.Value);
        json.WriteNumber("oldest", exception.Oldest.Value);
        json.WriteString("detail", exception.Message);
    });

    public void ScanStopped(ScanToken? token)
    {
        if (token is not null)
        {
            Line(json => json.WriteString("next", token.ToString()));
        }
    }

    public void ScanRefused(RejectionReason reason, string detail) => Line(json =>
    {
        json.WriteString("outcome", "rejected");
        WriteReason(json, reason, detail);
    });

    public void Status(RingSnapshot? ring, IReadOnlyList<ReplicaStatus> replicas)
    {
        if (ring is not null)
        {
            WriteRing(ring);
        }

        foreach (var replica in replicas)
        {
            WriteReplica(replica);
        }
    }

    public void Loaded(LoadSummary summary) => Line(json =>
    {
        json.WriteNumber("loaded", summary.Loaded);
        json.WriteNumber("skipped", summary.Skipped);
        json.WriteNumber("rejected", summary.Rejected);
        json.WriteNumber("unknown", summary.Unknown);
        json.WriteNumber("notTried", summary.NotTried);
        json.WriteNumber("seconds", Math.Round(summary.Elapsed.TotalSeconds, 3));
    });

    public void Benched(BenchReport report) => report.WriteJson(output);

    private void WriteRing(RingSnapshot ring) => Line(json =>
    {
        json.WriteString("type", "ring");
        json.WriteNumber("version", ring.Version.Value);
        json.WriteStartArray("members");
        foreach (var member in ring.Members)
        {
            json.WriteStartObject();
            json.WriteString("silo", member.Silo);
            json.WriteString("datacenter", member.Datacenter.Value);
            json.WriteNumber("weight", member.Weight);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("keyspaces");
        foreach (var keyspace in ring.Keyspaces)
        {
            json.WriteStartObject();
            WriteKeyspace(json, keyspace);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static void WriteKeyspace(Utf8JsonWriter json, KeyspaceDescriptor keyspace)
    {
        json.WriteString("name", keyspace.Name);
        json.WriteNumber("shardCount", keyspace.ShardCount);
        WriteNames("datacenters", keyspace.Datacenters);
        if (!keyspace.HasOneReplicaEach)
        {
            json.WriteStartArray("replicas");
            foreach (var count in keyspace.Replicas)
            {
                json.WriteNumberValue(count);
            }

            json.WriteEndArray();
        }

        if (!keyspace.Witnesses.IsDefaultOrEmpty)
        {
            WriteNames("witnesses", keyspace.Witnesses);
        }

        if (keyspace.Partitioning == Partitioning.Range)
        {
            json.WriteStartArray("splitPoints");
            foreach (var split in keyspace.SplitPoints.IsDefault ? [] : keyspace.SplitPoints)
            {
                json.WriteStartObject();
                JsonLine.WriteBytes(json, "key", split.Span);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (!keyspace.PreferredLeaders.IsDefaultOrEmpty)
        {
            WriteNames("leaders", keyspace.PreferredLeaders);
        }

        if (keyspace.ReadDefault is { } read)
        {
            json.WriteString("read", read.ToString());
        }

        if (keyspace.MaxValueBytes is { } max)
        {
            json.WriteNumber("maxValueBytes", max);
        }

        if (keyspace.MaxShardBytes is { } maxShard)
        {
            json.WriteNumber("maxShardBytes", maxShard);
        }

        if (keyspace.Survives is { } goal)
        {
            json.WriteString("survives", NameOf(goal.ToString()));
        }

        void WriteNames(string name, IEnumerable<DatacenterId> datacenters)
        {
            json.WriteStartArray(name);
            foreach (var datacenter in datacenters)
            {
                json.WriteStringValue(datacenter.Value);
            }

            json.WriteEndArray();
        }
    }

    private void WriteReplica(ReplicaStatus replica) => Line(json =>
    {
        json.WriteString("type", "replica");
        json.WriteString("replica", replica.Replica);
        json.WriteString("silo", replica.Silo);
        json.WriteString("state", replica.State);
        json.WriteString("detail", replica.Detail);
        json.WriteString("role", replica.Role);
        json.WriteNumber("term", replica.Term);
        json.WriteString("leader", replica.Leader?.Value);
        if (replica.LeaderOrdinal > 1)
        {
            json.WriteNumber("leaderOrdinal", replica.LeaderOrdinal);
        }

        json.WriteNumber("commitIndex", replica.CommitIndex);
        json.WriteNumber("appliedIndex", replica.AppliedIndex);
        json.WriteNumber("lastIndex", replica.LastIndex);
        json.WriteNumber("epoch", replica.Epoch);
    });

    private static void WriteEntry(Utf8JsonWriter json, KeyValueEntry entry)
    {
        JsonLine.WriteBytes(json, "key", entry.Key.Span);
        JsonLine.WriteBytes(json, "value", entry.Value.Span);
        json.WriteNumber("createRevision", entry.CreateRevision.Value);
        json.WriteNumber("modifyRevision", entry.ModifyRevision.Value);
        json.WriteNumber("version", entry.Version);
    }

    private static void WriteToken(Utf8JsonWriter json, SessionToken? token)
    {
        if (token is not null)
        {
            json.WriteString("session", token.ToString());
        }
    }

    private static void WriteReason(Utf8JsonWriter json, RejectionReason reason, string detail)
    {
        json.WriteString("reason", NameOf(reason.ToString()));
        json.WriteString("detail", detail);
    }

    private static string NameOf(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);

    private void Line(Action<Utf8JsonWriter> write) => JsonLine.Write(output, write);
}
