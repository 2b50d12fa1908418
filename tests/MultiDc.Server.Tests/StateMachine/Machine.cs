using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.StateMachine;
using MultiDc.Server.Watching;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.StateMachine;

/// <summary>A state machine over a memory disk, with the log that a store wants to see behind what is applied.</summary>
internal sealed class Machine(HashRange range)
{
    private static readonly ReplicaName Name = new("kv/0@a");
    private readonly MemoryDisk disk = new(new("test", Guid.Empty));
    private IReplicaStorage? storage;
    private KeyValueStateMachine? machine;
    private ulong lastIndex;

    public Machine()
        : this(HashRange.Full)
    {
    }

    public IReplicaState State => Opened.State;

    private IReplicaStorage Opened => storage ??= new MemoryReplicaStore(disk).OpenAsync(Name, new(new([new(1)]))).AsTask().Result!;

    public ApplyResult[] Apply(params IEnumerable<KeyValueCommand?> commands)
    {
        LogEntry[] entries = [.. commands.Select(command => new LogEntry(
            new(new(1), new(++lastIndex)), command is null ? EntryKind.NoOp : EntryKind.Command, command is null ? default : KeyValueCommandCodec.Encode(command)))];
        Opened.WriteAsync(new() { Entries = entries }).AsTask().Wait();
        if (machine is null)
        {
            machine = new(State, range);
            machine.LoadAsync().AsTask().Wait();
        }

        return machine.ApplyAsync(entries).AsTask().Result;
    }

    public ApplyResult Apply(KeyValueCommand command) => Apply([command])[0];

    /// <summary>What was applied last has changed.</summary>
    public IReadOnlyList<Change> Changes => machine!.Changes;

    public IReadOnlyList<LeaseChange> TakeLeaseChanges() => machine!.TakeLeaseChanges().Changes;

    /// <summary>Forgets what is in memory and reads it from the rows again, as after a restart or a snapshot.</summary>
    public void Reload()
    {
        State.FlushAsync().AsTask().Wait();
        (storage, machine) = (null, null);
    }

    public string[] Rows()
    {
        using var view = State.OpenView();
        return [.. view.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToBlockingEnumerable()
            .Select(static row => $"{Convert.ToHexString(row.Key.Span)}={Convert.ToHexString(row.Value.Span)}")];
    }
}
