using Microsoft.Extensions.DependencyInjection;
using MultiDc.Client;
using MultiDc.Host.CommandLine;
using MultiDc.Routing;
using MultiDc.Routing.Links;

namespace MultiDc.Host.Connecting;

/// <summary>
/// Connects through the first datacenter that answers. Starting an Orleans client blocks while its gateways are away, so the own
/// datacenter gets a head start and the others are tried beside it, not after it; whoever is first becomes the client's own datacenter.
/// </summary>
internal static class ClientConnector
{
    private static readonly TimeSpan HeadStart = TimeSpan.FromSeconds(1);

    /// <exception cref="CommandException">No datacenter answered in time.</exception>
    public static async Task<ClientConnection> ConnectAsync(MultiDcTopologyOptions topology, ConnectRequest request, CancellationToken cancellationToken)
    {
        var candidates = topology.Datacenters.Where(static d => d.Gateways.Count > 0).OrderBy(d => d.Name == topology.Datacenter ? 0 : 1).ToArray();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(request.Timeout);
        var attempts = new List<ConnectAttempt>();
        var noticed = false;
        while (true)
        {
            if (attempts.Count < candidates.Length)
            {
                attempts.Add(new(topology, candidates[attempts.Count], request.LogWarnings));
            }

            var newest = attempts[^1];
            var patience = attempts.Count < candidates.Length ? Task.WhenAny(newest.Troubled, DelayAsync(HeadStart, deadline.Token)) : DelayAsync(request.Timeout, deadline.Token);
            await Task.WhenAny([patience, .. noticed ? [] : new[] { newest.Troubled }, AnyConnectedAsync(attempts)]).ConfigureAwait(false);
            if (attempts.Find(static a => a.Connected.IsCompletedSuccessfully) is { } first)
            {
                var others = Task.WhenAll(attempts.Where(a => a != first).Select(static a => a.DisposeAsync().AsTask()));
                var services = first.Connected.Result.Services;
                return new(services.GetRequiredService<IMultiDcClient>(), async () =>
                {
                    await first.DisposeAsync().ConfigureAwait(false);
                    await others.ConfigureAwait(false);
                })
                {
                    Links = services.GetRequiredService<IDatacenterLinks>(),
                };
            }

            var hopeless = attempts.Count == candidates.Length && attempts.TrueForAll(static a => a.Connected.IsCompleted);
            if (hopeless || deadline.IsCancellationRequested)
            {
                // Told before the attempts are ended, which is no trouble of the datacenters'.
                var troubles = string.Join("; ", attempts);
                await Task.WhenAll(attempts.Select(static a => a.DisposeAsync().AsTask())).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                throw new CommandException(ExitCode.Unavailable, $"no datacenter answered within {request.Timeout.TotalSeconds:0.###} s: {troubles}. Does it run, and are the datacenter's name and the cluster id its own?");
            }

            if (!noticed && attempts.Count == candidates.Length)
            {
                noticed = true;
                request.Notice($"waiting up to {request.Timeout.TotalSeconds:0.###} s for {string.Join("; ", attempts)}");
            }
        }
    }

    /// <summary>Completes when an attempt is connected, or all of them have failed for good.</summary>
    private static async Task AnyConnectedAsync(IEnumerable<ConnectAttempt> attempts)
    {
        var open = attempts.Select(static a => a.Connected).ToList();
        while (open.Count > 0)
        {
            var done = await Task.WhenAny(open).ConfigureAwait(false);
            if (done.IsCompletedSuccessfully)
            {
                return;
            }

            open.Remove(done);
        }
    }

    private static async Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        await Task.Delay(delay, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
