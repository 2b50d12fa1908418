using Microsoft.Extensions.Logging.Abstractions;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Replication;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Attack;

/// <summary>Histories that once took a shard down, or kept a follower from catching up, for good.</summary>
public sealed class PumpAttackTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Entries_that_a_follower_which_is_here_still_needs_are_kept_until_it_is_away()
    {
        var (pump, storage) = await PumpAsync(["a", "b", "c"], new() { CompactAfterBytes = 4000, KeepEntries = 2 });
        pump.Start(TaskScheduler.Default);
        var session = await OpenSessionAsync(pump);
        for (var i = 1UL; i <= 40; i++)
        {
            Assert.IsType<Applied>(await PutAsync(pump, session, i));
        }

        // "c" was heard of a moment ago, and holds nothing yet.
        Assert.Equal(0, storage.Compactions);
        for (var i = 0; i < 10_000 && storage.Compactions == 0; i++)
        {
            pump.Tick();
            await pump.TransferLeadershipAsync(Id("a"));
        }

        Assert.True(storage.Compactions > 0);
        await StopAsync(pump);
    }

    [Fact]
    public async Task However_far_behind_a_follower_is_the_log_stays_bounded()
    {
        var (pump, storage) = await PumpAsync(["a", "b", "c"], new() { CompactAfterBytes = 1000, KeepEntries = 2 });
        pump.Start(TaskScheduler.Default);
        var session = await OpenSessionAsync(pump);
        for (var i = 1UL; i <= 10_000 && storage.Compactions == 0; i++)
        {
            Assert.IsType<Applied>(await PutAsync(pump, session, i));
        }

        Assert.True(storage.Compactions > 0);
        await StopAsync(pump);
    }

    [Fact]
    public async Task A_write_numbered_zero_is_refused_and_does_not_end_the_shard()
    {
        var (pump, _) = await PumpAsync(["a"], new());
        pump.Start(TaskScheduler.Default);
        var session = await OpenSessionAsync(pump);
        Assert.Equal(RejectionReason.InvalidArgument, Assert.IsType<Rejected>(await PutAsync(pump, session, 0)).Reason);
        Assert.IsType<Applied>(await PutAsync(pump, session, 1));
        await StopAsync(pump);
    }

    [Fact]
    public async Task A_pump_that_always_has_something_to_do_leaves_the_thread_to_the_others()
    {
        using var scheduler = new PumpScheduler(1);
        var (busy, _) = await PumpAsync(["a"], new());
        busy.Start(scheduler);
        await OpenSessionAsync(busy);
        var isOver = false;
        void ReadAgain() => _ = busy.ReadAsync<bool>(
            _ =>
            {
                if (!Volatile.Read(ref isOver))
                {
                    ReadAgain();
                }

                return ValueTask.FromResult(true);
            },
            static _ => false);
        ReadAgain();
        var (other, _) = await PumpAsync(["a"], new());
        try
        {
            other.Start(scheduler);
            await OpenSessionAsync(other).WaitAsync(Guard);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }

        await StopAsync(busy);
        await StopAsync(other);
    }

    private static async Task<WriteResult> PutAsync(ReplicaPump pump, SessionId session, ulong sequence) => (await pump.ProposeAsync(
        KeyValueCommandCodec.Encode(new WriteCommand(session, new(sequence), new PutOperation("k"u8.ToArray(), new byte[200]))))).Result;

    private static async Task<SessionId> OpenSessionAsync(ReplicaPump pump)
    {
        while (true)
        {
            pump.Tick();
            if ((await pump.ProposeAsync(KeyValueCommandCodec.Encode(OpenSessionCommand.Instance))).Session is { } session)
            {
                return session;
            }
        }
    }

    private static async Task StopAsync(ReplicaPump pump)
    {
        await pump.DisposeAsync();
        var stop = await pump.Completion;
        Assert.True(stop.Reason == PumpStopReason.Requested, stop.Detail);
    }

    private static ReplicaId Id(string datacenter) => GroupMembers.IdOf(new(datacenter));

    private static async Task<(ReplicaPump Pump, CountedStorage Storage)> PumpAsync(string[] datacenters, ReplicaPumpOptions options)
    {
        var members = new GroupMembers(datacenters.Select(static d => new DatacenterId(d)));
        var store = new MemoryReplicaStore(new(new("test", new(1, 0, 0, new byte[8]))));
        var address = new ReplicaAddress(new("kv", 0), new("a"));
        var storage = new CountedStorage((await store.OpenAsync(new(address.ToString()), new(members.Configuration)))!);
        var peers = new Peers();
        var pump = peers.Pump = new ReplicaPump(
            new(address, store.Identity.StoreId, storage.Epoch), members, HashRange.Full, new() { Id = Id("a") }, options, storage, peers,
            new SeededRandomSource(1), TimeProvider.System, new ReplicaMetrics(null), NullLogger<ReplicaPump>.Instance);
        return (pump, storage);
    }

    /// <summary>"b" agrees to everything at once; "c" says nothing.</summary>
    private sealed class Peers : IRaftTransport
    {
        public ReplicaPump Pump { get; set; } = null!;

        public void Send(ReplicaSender sender, IReadOnlyList<RaftMessage> messages)
        {
            foreach (var message in messages.Where(static m => m.To == Id("b")))
            {
                RaftMessage? answer = message switch
                {
                    PreVoteRequest request => new PreVoteResponse(request.To, request.From, request.Term, true),
                    VoteRequest request => new VoteResponse(request.To, request.From, request.Term, true),
                    HeartbeatRequest request => new HeartbeatResponse(request.To, request.From, request.Term, request.Round),
                    AppendRequest request => new AppendAccepted(
                        request.To, request.From, request.Term, new(request.Previous.Index.Value + (ulong)request.Entries.Length)),
                    _ => null,
                };
                if (answer is not null)
                {
                    Pump.TryDeliver(answer);
                }
            }
        }

        public Task<SnapshotChunkReply> SendChunkAsync(ReplicaSender sender, ReplicaId to, SnapshotChunk chunk, TimeSpan timeout) =>
            Task.FromResult(new SnapshotChunkReply(false));
    }

    /// <summary>Counts the compactions.</summary>
    private sealed class CountedStorage(IReplicaStorage inner) : IReplicaStorage, IReplicaState
    {
        public int Compactions { get; private set; }

        public ReplicaName Replica => inner.Replica;

        public Epoch Epoch => inner.Epoch;

        public RaftRecovery Recovered => inner.Recovered;

        public IReplicaState State => this;

        public LogIndex Applied => inner.State.Applied;

        public LogIndex DurableApplied => inner.State.DurableApplied;

        public ValueTask WriteAsync(ReplicaWrite write, CancellationToken cancellationToken = default) => inner.WriteAsync(write, cancellationToken);

        public ValueTask ConfirmEpochAsync(CancellationToken cancellationToken = default) => inner.ConfirmEpochAsync(cancellationToken);

        public ValueTask CompactToAsync(SnapshotMetadata to, CancellationToken cancellationToken = default)
        {
            Compactions++;
            return inner.CompactToAsync(to, cancellationToken);
        }

        public ValueTask ApplyAsync(StateBatch batch, LogIndex applied, CancellationToken cancellationToken = default) =>
            inner.State.ApplyAsync(batch, applied, cancellationToken);

        public ValueTask FlushAsync(CancellationToken cancellationToken = default) => inner.State.FlushAsync(cancellationToken);

        public ValueTask<ReadOnlyMemory<byte>?> GetAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
            inner.State.GetAsync(key, cancellationToken);

        public IReplicaStateView OpenView() => inner.State.OpenView();

        public ValueTask<IStagedSnapshot> StageAsync(SnapshotMetadata snapshot, CancellationToken cancellationToken = default) =>
            inner.State.StageAsync(snapshot, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
