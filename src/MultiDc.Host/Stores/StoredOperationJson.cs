using System.Text.Json;
using MultiDc.Grains;
using MultiDc.Host.Output;

namespace MultiDc.Host.Stores;

/// <summary>A logged operation as JSON. The names are part of the command line's interface; infra/README.md documents them.</summary>
internal static class StoredOperationJson
{
    public static string NameOf(WriteOperation operation) => operation switch
    {
        PutOperation => "put",
        DeleteOperation => "delete",
        CompareAndSetOperation => "cas",
        AddOperation => "add",
        AppendOperation => "append",
        MaxOperation => "max",
        GetOperation => "get",
        BatchOperation => "batch",
        ForgetGuardOperation => "forgetGuard",
        GrantLeaseOperation => "grantLease",
        KeepAliveOperation => "keepAlive",
        RevokeLeaseOperation => "revokeLease",
        FenceOperation => "fence",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>All but name and key.</summary>
    public static void WriteBody(Utf8JsonWriter json, WriteOperation operation)
    {
        if (operation.Guard is { } guard)
        {
            json.WriteString("guard", guard.Name);
            json.WriteNumber("token", guard.Token);
        }

        switch (operation)
        {
            case PutOperation { Lease.IsNone: false } bound:
                json.WriteNumber("lease", bound.Lease.Value);
                JsonLine.WriteBytes(json, "value", bound.Value.Span);
                break;
            case GrantLeaseOperation grant:
                json.WriteNumber("ttlMilliseconds", (ulong)grant.Ttl.TotalMilliseconds);
                break;
            case KeepAliveOperation keep:
                WriteLeases(json, keep.Leases);
                break;
            case RevokeLeaseOperation revoke:
                json.WriteNumber("lease", revoke.Lease.Value);
                break;
            case FenceOperation fence:
                json.WriteString("guard", fence.Name);
                break;
            case PutOperation put:
                JsonLine.WriteBytes(json, "value", put.Value.Span);
                break;
            case CompareAndSetOperation set:
                if (set.Expected is { } expected)
                {
                    JsonLine.WriteBytes(json, "expect", expected.Span);
                }
                else
                {
                    json.WriteNull("expect");
                }

                JsonLine.WriteBytes(json, "value", set.Value.Span);
                break;
            case AddOperation add:
                json.WriteNumber("number", add.Delta);
                break;
            case MaxOperation max:
                json.WriteNumber("number", max.Number);
                break;
            case AppendOperation append:
                JsonLine.WriteBytes(json, "value", append.Value.Span);
                break;
            case BatchOperation batch:
                WriteCompares(json, batch);
                WriteSteps(json, "then", batch.Then);
                WriteSteps(json, "else", batch.Else);
                break;
        }
    }

    public static void WriteLeases(Utf8JsonWriter json, IEnumerable<LeaseId> leases)
    {
        json.WriteStartArray("leases");
        foreach (var lease in leases)
        {
            json.WriteNumberValue(lease.Value);
        }

        json.WriteEndArray();
    }

    private static void WriteCompares(Utf8JsonWriter json, BatchOperation batch)
    {
        json.WriteStartArray("if");
        foreach (var compare in batch.If)
        {
            json.WriteStartObject();
            JsonLine.WriteBytes(json, "key", compare.Key.Span);
            json.WriteString("target", JsonNamingPolicy.CamelCase.ConvertName(compare.Target.ToString()));
            json.WriteString("relation", JsonNamingPolicy.CamelCase.ConvertName(compare.Relation.ToString()));
            if (compare.Target == CompareTarget.Value)
            {
                JsonLine.WriteBytes(json, "value", compare.Value.Span);
            }
            else
            {
                json.WriteNumber("number", compare.Number);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteSteps(Utf8JsonWriter json, string name, IEnumerable<WriteOperation> steps)
    {
        json.WriteStartArray(name);
        foreach (var step in steps)
        {
            json.WriteStartObject();
            json.WriteString("op", NameOf(step));
            JsonLine.WriteBytes(json, "key", step.Key.Span);
            WriteBody(json, step);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
