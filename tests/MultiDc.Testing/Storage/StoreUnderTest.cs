using MultiDc.Storage;

namespace MultiDc.Testing.Storage;

/// <summary>A store of some kind and what a test may do to it.</summary>
public abstract class StoreUnderTest : IAsyncDisposable
{
    /// <summary>The store as it is open now.</summary>
    public abstract IReplicaStore Store { get; }

    /// <summary>How many physical commits the store made since it was last opened.</summary>
    public abstract int Commits { get; }

    /// <summary>Closes the store in good order and opens it again.</summary>
    public abstract Task ReopenAsync();

    /// <summary>Loses everything that is not durable now, and opens what is left.</summary>
    public abstract Task CrashAsync();

    /// <summary>Keeps physical commits from happening until the result is disposed or the store crashes.</summary>
    public abstract IDisposable HoldCommits();

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
