using System.Net;
using StackExchange.Redis;

namespace MultiDc.Host.Running;

/// <summary>
/// Waits until the Redis of the membership answers. After a power cut silos and Redis come back in any order, and a silo that gives up would
/// have to be started again by somebody.
/// </summary>
internal static class RedisWait
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReminderPeriod = TimeSpan.FromSeconds(30);

    /// <summary>Returns when Redis answers; says so, from time to time, when it does not.</summary>
    /// <exception cref="RedisConnectionException">Redis is there and refuses this silo, which waiting does not change.</exception>
    public static async Task UntilReachableAsync(string redis, TimeProvider time, TextWriter output, CancellationToken cancellationToken)
    {
        // Redis' own retries would keep a single attempt busy in silence.
        var options = ConfigurationOptions.Parse(redis);
        options.AbortOnConnectFail = true;
        options.ConnectRetry = 1;
        long? told = null;
        while (true)
        {
            try
            {
                var connection = await ConnectionMultiplexer.ConnectAsync(options).WaitAsync(cancellationToken).ConfigureAwait(false);
                await using var closing = connection.ConfigureAwait(false);
                await connection.GetDatabase().PingAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
                if (told is not null)
                {
                    await output.WriteLineAsync("Redis (Silo:Redis) answers").ConfigureAwait(false);
                }

                return;
            }
            catch (Exception exception) when (IsPassing(exception))
            {
                if (told is not { } last || time.GetElapsedTime(last) >= ReminderPeriod)
                {
                    told = time.GetTimestamp();
                    var endpoints = string.Join(", ", options.EndPoints.Select(static e => e is DnsEndPoint named ? $"{named.Host}:{named.Port}" : $"{e}"));
                    await output.WriteLineAsync($"waiting for Redis at {endpoints} (Silo:Redis), which does not answer").ConfigureAwait(false);
                    await output.FlushAsync(cancellationToken).ConfigureAwait(false);
                }
            }

            await Task.Delay(RetryDelay, time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Away, or reading its files; not a wrong password.</summary>
    private static bool IsPassing(Exception exception) => exception switch
    {
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } => false,
        RedisConnectionException refused => !refused.Message.Contains("NOAUTH", StringComparison.Ordinal) && !refused.Message.Contains("WRONGPASS", StringComparison.Ordinal),
        RedisTimeoutException => true,
        RedisServerException server => server.Message.StartsWith("LOADING", StringComparison.Ordinal),
        _ => false,
    };
}
