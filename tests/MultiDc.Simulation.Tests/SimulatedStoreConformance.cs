using MultiDc.Storage;
using MultiDc.Testing.Storage;

namespace MultiDc.Simulation.Tests;

/// <summary>The simulated disk keeps the promises that every store must keep, or runs over it would say nothing about the product.</summary>
public sealed class SimulatedStoreConformance : ReplicaStoreConformance
{
    protected override Task<StoreUnderTest> CreateAsync() => Task.FromResult<StoreUnderTest>(new UnderTest());

    private sealed class UnderTest : StoreUnderTest
    {
        private readonly SimulatedDisk disk = new(new StoreIdentity("test", Guid.Parse("5f0c7f3e-2b9c-4f58-9a63-51bd0a4bb1c1")));
        private SimulatedStore store;

        public UnderTest() => store = new(disk);

        public override IReplicaStore Store => store;

        public override int Commits => disk.FlushCount;

        public override async Task ReopenAsync()
        {
            await store.DisposeAsync();
            store = new(disk);
        }

        public override Task CrashAsync()
        {
            disk.LosePower();
            store = new(disk);
            return Task.CompletedTask;
        }

        public override Task<IReplicaStore> OpenSecondAsync() => Task.FromResult<IReplicaStore>(new SimulatedStore(disk));

        public override IDisposable HoldCommits() => disk.Hold();

        public override ValueTask DisposeAsync() => store.DisposeAsync();
    }
}
