using Microsoft.Extensions.Logging;

namespace MultiDc.Storage;

/// <summary>Remembers the first failed write or sync. After a failed sync nobody knows what is on disk, so there is no way back.</summary>
internal sealed class StoreFailure(string folder, ILogger logger)
{
    private Exception? cause;

    public bool HasFailed => Volatile.Read(ref cause) is not null;

    public StoreFailedException Fail(Exception exception)
    {
        if (Interlocked.CompareExchange(ref cause, exception, null) is null)
        {
            StoreLog.Failed(logger, exception, folder);
        }

        return Exception();
    }

    public void ThrowIfFailed()
    {
        if (HasFailed)
        {
            throw Exception();
        }
    }

    public StoreFailedException Exception() =>
        new($"the store in {folder} failed and acknowledges nothing until a new process opens it: {cause!.Message}", cause);
}
