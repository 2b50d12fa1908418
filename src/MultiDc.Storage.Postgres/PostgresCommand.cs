using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Storage.Postgres;

/// <summary>
/// Something that waits for the committer. Staged in call order, each on top of what the earlier ones decided, and perhaps again when the
/// database refused a part of the batch; answered in the same order once the batch is durable.
/// </summary>
internal abstract class PostgresCommand
{
    /// <summary>Why it is not in the batch, told to the caller in its turn.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>Whether it is refused when there is no space.</summary>
    public abstract bool NeedsSpace { get; }

    public virtual int SizeBytes => 64;

    /// <summary>What was staged does not answer it; it is staged once more after the batch is durable.</summary>
    public virtual bool IsUnfinished => false;

    /// <summary>Puts its changes into the batch, or nothing and throws.</summary>
    public abstract void Stage(CommitBatch batch);

    public void Answer()
    {
        if (Refusal is null)
        {
            Succeed();
        }
        else
        {
            Fail(Refusal);
        }
    }

    public abstract void Fail(Exception exception);

    protected abstract void Succeed();
}

/// <summary>A command whose caller waits for a result.</summary>
internal abstract class PostgresCommand<T> : PostgresCommand
{
    // Continuations are the caller's code and must not run on the committer's thread.
    private readonly TaskCompletionSource<T> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Task => answer.Task;

    public override void Fail(Exception exception)
    {
        if (answer.TrySetException(exception))
        {
            // A caller that gave up waiting must not turn this into an unobserved exception.
            _ = answer.Task.Exception;
        }
    }

    protected override void Succeed() => answer.TrySetResult(Result());

    protected abstract T Result();
}

/// <summary>One <see cref="ReplicaWrite"/>: checked against what is known here right before the statement, and against the epoch in it.</summary>
internal sealed class WriteCommand(
    ReplicaOpening opening, HardState? hardState, PostgresStagedSnapshot? install, EncodedEntries entries) : PostgresCommand<bool>
{
    public override bool NeedsSpace => hardState is not null || install is not null || entries.Count > 0;

    public override int SizeBytes => entries.SizeBytes + 64;

    public override void Stage(CommitBatch batch)
    {
        var changes = batch.Of(opening);
        var (start, last) = install is null ? (changes.LogStart, changes.LogLast) : (install.Index, install.Index);
        install?.RequireInstallable();
        if (entries.Count > 0)
        {
            Invariant.Require(entries.FirstIndex > start, "entries that were compacted away are committed and never replaced");
            if (entries.FirstIndex > last + 1)
            {
                throw new LogGapException($"replica {opening.Slot.Name}: an entry at {entries.FirstIndex} does not join a log that ends at {last}");
            }
        }

        if (install is not null)
        {
            changes.Install(install);
        }

        changes.Append(entries);
        changes.HardState = hardState ?? changes.HardState;
    }

    public override void Fail(Exception exception)
    {
        entries.Dispose();
        base.Fail(exception);
    }

    protected override bool Result()
    {
        entries.Dispose();
        install?.Adopt();
        return true;
    }
}

/// <summary>Moves the log's start up to what the state has durably applied.</summary>
internal sealed class CompactCommand(ReplicaOpening opening, SnapshotMetadata to) : PostgresCommand<bool>
{
    public override bool NeedsSpace => false;

    public override void Stage(CommitBatch batch)
    {
        var changes = batch.Of(opening);
        var index = to.LastIncluded.Index.Value;
        if (index > changes.LogStart && index <= opening.Rows.DurableApplied)
        {
            Invariant.Require(index <= changes.LogLast, "what is applied is in the log");
            changes.Compact(to);
        }
    }

    protected override bool Result() => true;
}

/// <summary>Raises the epoch of a replica, founding it first when it is new. The result is null when it is unknown and not to be founded.</summary>
internal sealed class OpenReplicaCommand(ReplicaName name, ReplicaFounding? founding) : PostgresCommand<ReplicaOpening?>
{
    private ReplicaOpening? opening;
    private bool founds;

    public ReplicaName Name { get; } = name;

    // A database without space must not keep a replica from being opened for reading, if it lets the epoch rise.
    public override bool NeedsSpace => founds;

    public override bool IsUnfinished => founds;

    public override void Stage(CommitBatch batch)
    {
        (opening, founds) = (null, false);
        if (!batch.TryFind(Name, out var slot))
        {
            founds = founding is not null;
            if (founding is not null)
            {
                batch.Foundings.TryAdd(Name.Value, founding);
            }

            return;
        }

        opening = batch.Raise(slot);
    }

    protected override ReplicaOpening? Result() => opening;
}

/// <summary>Forgets a replica that nobody has open here any more, unless a later opening has it.</summary>
internal sealed class CloseReplicaCommand(ReplicaOpening opening) : PostgresCommand<bool>
{
    public override bool NeedsSpace => false;

    public override void Stage(CommitBatch batch)
    {
        if (batch.EpochOf(opening.Slot) == opening.Epoch.Value)
        {
            opening.Slot.Close();
            batch.Replicas.Remove(opening.Slot);
        }
    }

    protected override bool Result() => true;
}

/// <summary>Adds a record if its key has none.</summary>
internal sealed class AddRecordCommand(string key, byte[] value) : PostgresCommand<byte[]>
{
    public string Key { get; } = key;

    /// <summary>What the key holds, once the batch is durable.</summary>
    public byte[]? Held { get; set; }

    public override bool NeedsSpace => true;

    public override void Stage(CommitBatch batch) => batch.Records.TryAdd(Key, value);

    protected override byte[] Result() => Held!;
}

/// <summary>Writes a record over what its key holds.</summary>
internal sealed class PutRecordCommand(string key, byte[] value) : PostgresCommand<bool>
{
    public override bool NeedsSpace => true;

    public override void Stage(CommitBatch batch) => batch.Replacements[key] = value;

    protected override bool Result() => true;
}

/// <summary>The replicas that somebody has open in this process. Used by the committer's thread only.</summary>
internal sealed class ReplicaTable
{
    private readonly Dictionary<ReplicaName, ReplicaSlot> open = [];

    public bool TryGet(ReplicaName name, [NotNullWhen(true)] out ReplicaSlot? slot) => open.TryGetValue(name, out slot);

    public void Add(ReplicaSlot slot) => open.TryAdd(slot.Name, slot);

    public void Remove(ReplicaSlot slot)
    {
        if (open.TryGetValue(slot.Name, out var present) && present == slot)
        {
            open.Remove(slot.Name);
        }
    }
}

/// <summary>A replica's row as the database has it.</summary>
internal sealed record ReplicaRow(int Slot, ulong Epoch, int Generation);
