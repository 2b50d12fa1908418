namespace MultiDc.Storage;

/// <summary>Something in a store that cannot be as it is.</summary>
/// <param name="Replica">Whose; null for what belongs to no replica.</param>
/// <param name="Key">The key of the record as LAYOUT.md writes it, or the name of a file.</param>
/// <param name="Problem">What is wrong.</param>
public sealed record StoreProblem(ReplicaName? Replica, string Key, string Problem);

/// <summary>What a verification looked at.</summary>
/// <param name="Replicas">Replicas.</param>
/// <param name="Entries">Log entries.</param>
/// <param name="Rows">State rows.</param>
/// <param name="Records">Records beside the replicas.</param>
/// <param name="AbandonedRows">Rows of snapshots that were never installed, or of states that a snapshot replaced: harmless, dropped at the next start.</param>
/// <param name="Problems">Problems told.</param>
public sealed record StoreVerification(int Replicas, long Entries, long Rows, long Records, long AbandonedRows, long Problems);

/// <summary>A record beside the replicas.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Value">Its value.</param>
public sealed record StoreRecord(string Name, ReadOnlyMemory<byte> Value);

/// <summary>A replica as it lies in a stopped store.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Slot">The number that stands for it in keys.</param>
/// <param name="Epoch">Its latest opening.</param>
/// <param name="Generation">Which set of rows is its state.</param>
/// <param name="HardState">Term, vote and commit hint.</param>
/// <param name="LogStart">What the log was compacted into.</param>
/// <param name="LastIndex">The index of the last entry; that of <paramref name="LogStart"/> when there is none.</param>
/// <param name="Applied">The index of the last applied entry.</param>
public sealed record StoredReplica(
    ReplicaName Name, uint Slot, Epoch Epoch, uint Generation, HardState HardState, SnapshotMetadata LogStart, LogIndex LastIndex, LogIndex Applied);

/// <summary>
/// Judges what a store keeps without understanding it. Calls come in key order: first all records, then replica after replica its entries
/// and its rows.
/// </summary>
public interface IStoredContentCheck
{
    /// <summary>What is wrong with a record beside the replicas, or null.</summary>
    string? ProblemOf(StoreRecord record);

    /// <summary>What is wrong with an entry's payload, or null. Not asked of configurations, which the store reads itself.</summary>
    string? ProblemOf(ReplicaName replica, LogEntry entry);

    /// <summary>What is wrong with a row of a state that has applied up to an index, or null.</summary>
    string? ProblemOf(ReplicaName replica, LogIndex applied, StateRow row);
}
