using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

/// <summary>
/// A store of some kind and what a test may do to it: all that <see cref="ReplicaStoreConformance"/> asks for. Write one of these to have
/// a store of your own judged.
/// </summary>
public abstract class StoreUnderTest : IAsyncDisposable
{
    /// <summary>The store as it is open now. Another object after <see cref="ReopenAsync"/> and <see cref="CrashAsync"/>.</summary>
    public abstract IReplicaStore Store { get; }

    /// <summary>How many physical commits the store made since it was last opened.</summary>
    public abstract int Commits { get; }

    /// <summary>Closes the store in good order and opens it again.</summary>
    public abstract Task ReopenAsync();

    /// <summary>
    /// Loses everything that is not durable now, and opens what is left. What was acknowledged must survive; what was not may. Ends a hold.
    /// </summary>
    public abstract Task CrashAsync();

    /// <summary>
    /// Keeps physical commits from happening until the result is disposed or the store crashes: a call that needs one then waits, however
    /// long. Calls that wait together share a commit.
    /// </summary>
    public abstract IDisposable HoldCommits();

    /// <summary>
    /// Opens the same data once more while <see cref="Store"/> is open, as another silo would. The default is for data that belongs to one
    /// store at a time: it throws <see cref="StoreOpenException"/>, and so must the store's own opening.
    /// </summary>
    public virtual Task<IReplicaStore> OpenSecondAsync() =>
        Task.FromException<IReplicaStore>(new StoreOpenException("the data belongs to one store at a time"));

    /// <summary>Whether <see cref="HoldCommits"/> holds <see cref="Store"/> alone and lets a second store on the same data go on.</summary>
    public virtual bool HoldsOneStoreOnly => false;

    /// <summary>Closes the store and removes its data.</summary>
    public abstract ValueTask DisposeAsync();
}
