using System.Security.Cryptography;
using System.Text;

namespace MultiDc.Server.Trust;

/// <summary>
/// Tells silos of this system from everybody else who can reach a gateway. The proof is the same for every call, HMAC-SHA-256 (RFC 2104) of
/// the system's name under the shared key: who listens on the wire between silos can repeat it. That takes encrypted connections; this keeps out
/// those who can merely connect.
/// </summary>
internal sealed partial class SiloGate
{
    /// <summary>A key shorter than this can be guessed.</summary>
    public const int MinKeyLength = 32;

    private static readonly TimeSpan QuietTime = TimeSpan.FromSeconds(10);

    private readonly ReplicaMetrics metrics;
    private readonly TimeProvider time;
    private readonly ILogger<SiloGate> logger;
    private long lastWarning;

    public SiloGate(string clusterId, string siloKey, ReplicaMetrics metrics, TimeProvider time, ILogger<SiloGate> logger)
    {
        Own = new(HMACSHA256.HashData(Encoding.UTF8.GetBytes(siloKey), Encoding.UTF8.GetBytes($"multidc silo credential 1\n{clusterId}")));
        this.metrics = metrics;
        this.time = time;
        this.logger = logger;
    }

    /// <summary>What this silo shows to others.</summary>
    public SiloCredential Own { get; }

    /// <summary>Refuses whoever is no silo of this system.</summary>
    /// <exception cref="UnauthorizedAccessException">The caller does not have the key.</exception>
    public void Require(SiloCredential shown)
    {
        if (CryptographicOperations.FixedTimeEquals(shown.Proof.Span, Own.Proof.Span))
        {
            return;
        }

        metrics.CallsRefused.Add(1);
        if (ShouldWarn())
        {
            LogRefused(logger);
        }

        throw new UnauthorizedAccessException("only a silo of this system may call this: the caller's MultiDc:SiloKey is another, or it has none");
    }

    // A stranger who tries again and again must not fill the log.
    private bool ShouldWarn()
    {
        var (now, before) = (time.GetTimestamp(), Volatile.Read(ref lastWarning));
        return (before == 0 || time.GetElapsedTime(before, now) > QuietTime) && Interlocked.CompareExchange(ref lastWarning, now, before) == before;
    }

    [LoggerMessage(1140, LogLevel.Warning, "A call that only silos of this system may make came without the right credential and was refused. Is MultiDc:SiloKey the same on all silos?")]
    private static partial void LogRefused(ILogger logger);
}
