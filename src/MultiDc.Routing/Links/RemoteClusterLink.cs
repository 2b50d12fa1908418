using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace MultiDc.Routing.Links;

/// <summary>A datacenter with an Orleans cluster of its own, reached through any of its gateways that answers.</summary>
internal sealed partial class RemoteClusterLink : IDatacenterLink, IAsyncDisposable
{
    // Not null while it is built: a gateway may be lost again by then.
    private readonly GatewayClient[] gateways = [];
    private readonly GatewayChoice choice;
    private readonly Func<int, bool> isUp;
    private readonly Func<int, bool> wasReached;
    private readonly ILogger logger;

    public RemoteClusterLink(DatacenterOptions datacenter, string serviceId, LinkOptions options, TimeProvider time, LinkMetrics metrics, ILoggerFactory loggers)
    {
        Datacenter = new(datacenter.Name);
        gateways = [.. datacenter.Gateways.Select(gateway => new GatewayClient(datacenter, gateway, serviceId, options, time, metrics, loggers, Disconnected))];
        if (gateways.Length == 0)
        {
            throw new ArgumentException($"datacenter '{datacenter.Name}' has no gateways", nameof(datacenter));
        }

        choice = new(gateways.Length, time);
        isUp = i => gateways[i].IsUp;
        wasReached = i => gateways[i].Grains is not null;
        logger = loggers.CreateLogger<RemoteClusterLink>();
    }

    public event Action? Severed;

    public DatacenterId Datacenter { get; }

    public bool IsUp => Choose().IsUp;

    public TimeSpan? RoundTripTime => Choose().RoundTripTime;

    public CancellationToken Lost => Choose().Lost;

    public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
        where TGrain : class, IGrainWithStringKey
    {
        grain = Choose().Grains?.Get<TGrain>(key);
        return grain is not null;
    }

    public async ValueTask DisposeAsync() =>
        await Task.WhenAll(gateways.Select(static gateway => gateway.DisposeAsync().AsTask())).ConfigureAwait(false);

    private void Disconnected()
    {
        if (!gateways.Any(static gateway => gateway.IsUp))
        {
            Severed?.Invoke();
        }
    }

    public void NoteUnanswered()
    {
        if (choice.NoteUnanswered(isUp))
        {
            LogMovedOn(logger, Datacenter, Choose().Gateway);
        }
    }

    private GatewayClient Choose() => gateways[choice.Choose(isUp, wasReached)];

    [LoggerMessage(3005, LogLevel.Warning, "Calls to datacenter {Datacenter} were left unanswered by a gateway that answers pings; they go by {Gateway} now")]
    private static partial void LogMovedOn(ILogger logger, DatacenterId datacenter, string gateway);
}
