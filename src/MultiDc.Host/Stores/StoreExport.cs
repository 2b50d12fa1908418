using System.Text.Json;
using MultiDc.Grains;
using MultiDc.Host.Output;
using MultiDc.Raft;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Host.Stores;

/// <summary>Writes a store as NDJSON. The names are part of the command line's interface; infra/README.md documents them.</summary>
internal sealed class StoreExport(StoreInspection store, bool withLog, bool withState, CancellationToken cancellationToken)
{
    /// <summary>Writes the replicas named, or all and the records beside them.</summary>
    /// <exception cref="StoreCorruptedException">Something is damaged; all before it was written.</exception>
    public void Write(TextWriter output, IReadOnlyList<ReplicaName>? replicas)
    {
        JsonLine.Write(output, json => StoreJson.WriteStore(json, store));
        if (replicas is null)
        {
            foreach (var record in store.ListRecords())
            {
                JsonLine.Write(output, json =>
                {
                    json.WriteString("type", "record");
                    json.WriteString("name", record.Name);
                    JsonLine.WriteBytes(json, "value", record.Value.Span);
                });
            }
        }

        foreach (var name in replicas ?? store.ListReplicas())
        {
            var replica = store.Describe(name);
            JsonLine.Write(output, json => StoreJson.WriteReplica(json, replica));
            if (withLog)
            {
                store.ReadLog(replica, entry => WriteEntry(output, name, entry));
            }

            if (withState)
            {
                store.ReadState(replica, row => WriteRow(output, name, row));
            }
        }
    }

    private void WriteEntry(TextWriter output, ReplicaName replica, LogEntry entry)
    {
        cancellationToken.ThrowIfCancellationRequested();
        JsonLine.Write(output, json =>
        {
            json.WriteString("type", "entry");
            json.WriteString("replica", replica.Value);
            json.WriteNumber("index", entry.Index.Value);
            json.WriteNumber("term", entry.Term.Value);
            json.WriteString("kind", NameOf(entry.Kind.ToString()));
            if (entry.Kind == EntryKind.Configuration)
            {
                StoreJson.WriteMembers(json, ConfigurationCodec.Decode(entry.Payload));
            }
            else if (entry.Kind == EntryKind.Command)
            {
                WriteCommand(json, entry.Payload);
            }
        });
    }

    private static void WriteCommand(Utf8JsonWriter json, ReadOnlyMemory<byte> payload)
    {
        if (Read(() => StoredContent.OfCommand(payload)) is not { } command)
        {
            json.WriteBase64String("payloadBase64", payload.Span);
            return;
        }

        if (command is StoredLeaseExpiry expiry)
        {
            json.WriteString("op", "expireLeases");
            StoredOperationJson.WriteLeases(json, expiry.Leases);
            return;
        }

        if (command is not StoredWrite write)
        {
            json.WriteString("op", "openSession");
            return;
        }

        json.WriteString("op", StoredOperationJson.NameOf(write.Operation));
        json.WriteNumber("session", write.Session.Value);
        json.WriteNumber("sequence", write.Sequence.Value);
        JsonLine.WriteBytes(json, "key", write.Operation.Key.Span);
        StoredOperationJson.WriteBody(json, write.Operation);
    }

    private void WriteRow(TextWriter output, ReplicaName replica, StateRow row)
    {
        cancellationToken.ThrowIfCancellationRequested();
        JsonLine.Write(output, json =>
        {
            var content = Read(() => StoredContent.OfRow(row));
            json.WriteString("type", content switch { StoredEntry => "key", StoredSession => "session", StoredGuard => "guard", StoredLease => "lease", StoredBoundKey => "boundKey", _ => "row" });
            json.WriteString("replica", replica.Value);
            switch (content)
            {
                case StoredEntry { Entry: var entry }:
                    JsonLine.WriteBytes(json, "key", entry.Key.Span);
                    JsonLine.WriteBytes(json, "value", entry.Value.Span);
                    json.WriteNumber("createRevision", entry.CreateRevision.Value);
                    json.WriteNumber("modifyRevision", entry.ModifyRevision.Value);
                    json.WriteNumber("version", entry.Version);
                    if (!entry.Lease.IsNone)
                    {
                        json.WriteNumber("lease", entry.Lease.Value);
                    }

                    break;
                case StoredSession session:
                    json.WriteNumber("session", session.Session.Value);
                    json.WriteNumber("lastSequence", session.LastSequence.Value);
                    json.WriteNumber("lastUsedAt", session.LastUsedAt.Value);
                    json.WriteString("outcome", session.Outcome is { } outcome ? NameOf(outcome.ToString()) : null);
                    json.WriteNumber("outcomeRevision", session.OutcomeRevision.Value);
                    if (session.Answer is AppliedNumber answer)
                    {
                        json.WriteNumber("number", answer.Number);
                    }

                    break;
                case StoredLease lease:
                    json.WriteNumber("lease", lease.Lease.Value);
                    json.WriteNumber("ttlMilliseconds", (ulong)lease.Ttl.TotalMilliseconds);
                    json.WriteNumber("renewedAt", lease.RenewedAt.Value);
                    json.WriteNumber("keys", lease.Keys);
                    break;
                case StoredBoundKey bound:
                    json.WriteNumber("lease", bound.Lease.Value);
                    JsonLine.WriteBytes(json, "key", bound.Key.Span);
                    break;
                case StoredGuard guard:
                    json.WriteString("name", guard.Name);
                    json.WriteNumber("token", guard.Token);
                    json.WriteNumber("raisedAt", guard.RaisedAt.Value);
                    break;
                default:
                    json.WriteBase64String("rowBase64", row.Key.Span);
                    json.WriteBase64String("valueBase64", row.Value.Span);
                    break;
            }
        });
    }

    /// <summary>Null for what this version cannot read: it is exported as bytes.</summary>
    private static StoredContent? Read(Func<StoredContent> read)
    {
        try
        {
            return read();
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static string NameOf(string name) => JsonNamingPolicy.CamelCase.ConvertName(name);
}
