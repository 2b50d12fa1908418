using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Server.StateMachine;

/// <summary>What has to be known of an entry to write over it: all but its value.</summary>
internal readonly record struct EntryHead(Revision CreateRevision, Revision ModifyRevision, ulong Version, LeaseId Lease, int ValueBytes)
{
    [return: NotNullIfNotNull(nameof(entry))]
    public static EntryHead? Of(KeyValueEntry? entry) =>
        entry is null ? null : new(entry.CreateRevision, entry.ModifyRevision, entry.Version, entry.Lease, entry.Value.Length);
}
