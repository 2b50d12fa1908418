using System.Text.Json;
using MultiDc.Raft;
using MultiDc.Storage;

namespace MultiDc.Host.Stores;

/// <summary>What <c>store info</c> and <c>store export</c> say alike.</summary>
internal static class StoreJson
{
    public static void WriteStore(Utf8JsonWriter json, StoreInspection store)
    {
        json.WriteString("type", "store");
        json.WriteString("clusterId", store.Identity.ClusterId);
        json.WriteString("storeId", store.Identity.StoreId);
        json.WriteNumber("layoutVersion", store.LayoutVersion);
    }

    public static void WriteReplica(Utf8JsonWriter json, StoredReplica replica)
    {
        json.WriteString("type", "replica");
        json.WriteString("replica", replica.Name.Value);
        json.WriteNumber("slot", replica.Slot);
        json.WriteNumber("epoch", replica.Epoch.Value);
        json.WriteNumber("term", replica.HardState.Term.Value);
        json.WriteString("votedFor", replica.HardState.VotedFor.IsNone ? null : replica.HardState.VotedFor.ToString());
        json.WriteNumber("commitIndex", replica.HardState.Commit.Value);
        json.WriteNumber("appliedIndex", replica.Applied.Value);
        json.WriteNumber("logStartTerm", replica.LogStart.LastIncluded.Term.Value);
        json.WriteNumber("logStartIndex", replica.LogStart.LastIncluded.Index.Value);
        json.WriteNumber("lastIndex", replica.LastIndex.Value);
        WriteMembers(json, replica.LogStart.Configuration);
    }

    /// <summary>Ids as text: they are 64 bits, which not every JSON reader has.</summary>
    public static void WriteMembers(Utf8JsonWriter json, GroupConfiguration configuration)
    {
        Write("voters", configuration.Voters);
        Write("outgoingVoters", configuration.OutgoingVoters);
        Write("learners", configuration.Learners);
        Write("witnesses", configuration.Witnesses);

        void Write(string name, IEnumerable<ReplicaId> ids)
        {
            json.WriteStartArray(name);
            foreach (var id in ids)
            {
                json.WriteStringValue(id.ToString());
            }

            json.WriteEndArray();
        }
    }
}
