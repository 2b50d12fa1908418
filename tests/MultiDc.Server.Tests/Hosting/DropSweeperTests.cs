using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.Founding;
using MultiDc.Server.Hosting;
using MultiDc.Server.Replication;
using MultiDc.Server.Ring;
using MultiDc.Storage;

namespace MultiDc.Server.Tests.Hosting;

/// <summary>What a store has of dropped keyspaces is erased, though nobody speaks to the replicas any more.</summary>
public sealed class DropSweeperTests
{
    private static readonly DatacenterId Ber = new("ber");
    private static readonly RingSnapshot Full = RingSnapshot.Empty.WithKeyspace(new("a", 2, [Ber])).WithKeyspace(new("b", 1, [Ber])).WithKeyspace(new("c", 1, [Ber]));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_dropped_is_erased_as_soon_as_the_ring_tells_and_nothing_else(bool isKnownBefore)
    {
        var store = new MemoryReplicaStore(new(new("test", Guid.NewGuid())));
        var records = new ReplicaRecords(store);
        ReplicaAddress[] ofA = [new(new("a", 0), Ber), new(new("a", 1), Ber, 2)];
        ReplicaAddress ofB = new(new("b", 0), Ber);
        ReplicaAddress ofC = new(new("c", 0), Ber);
        foreach (var replica in ofA.Append(ofB).Append(ofC))
        {
            await using var opened = (await store.OpenAsync(new(replica.ToString()), new(new GroupMembers([Ber]).Configuration)))!;
            await opened.WriteAsync(new() { Entries = [new(new(new(1), new(1)), EntryKind.NoOp, default)] });
        }

        var erased = new ErasedLog();
        var policies = new KeyspacePolicies(Options.Create(new MultiDcOptions()));
        var dropped = Full.WithoutKeyspace("a", null);
        policies.Learn(isKnownBefore ? dropped : Full);
        using var sweeper = new DropSweeper(policies, new(store, records, policies, erased), new FakeTimeProvider(), NullLogger<DropSweeper>.Instance);
        await sweeper.StartAsync(default);
        policies.Learn(dropped);
        await erased.NextAsync();
        await erased.NextAsync();
        await RequireAsync(isErased: true, ofA);
        await RequireAsync(isErased: false, ofB, ofC);

        policies.Learn(dropped.WithoutKeyspace("b", null));
        await erased.NextAsync();
        await RequireAsync(isErased: true, [.. ofA, ofB]);
        await RequireAsync(isErased: false, ofC);
        await sweeper.StopAsync(default);

        async Task RequireAsync(bool isErased, params ReplicaAddress[] replicas)
        {
            foreach (var replica in replicas)
            {
                Assert.Equal(isErased, await records.IsErasedAsync(replica));
                Assert.Equal(isErased, await records.IsDroppedAsync(replica));
                await using var opened = (await store.OpenAsync(new(replica.ToString()), null))!;
                Assert.Equal(isErased ? 0 : 1, opened.Recovered.Entries.Count);
            }
        }
    }

    private sealed class ErasedLog : ILogger<DroppedReplicas>
    {
        private readonly Channel<string> lines = Channel.CreateUnbounded<string>();

        // Only for failing.
        public Task<string> NextAsync() => lines.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Writer.TryWrite(formatter(state, exception));
    }
}
