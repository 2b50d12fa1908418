using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using MultiDc.Comparison.Etcd.Api;
using MultiDc.Host.Bench;

namespace MultiDc.Comparison.Etcd;

/// <summary>etcd through gRPC: connections that all logical clients share, by turns.</summary>
internal sealed class EtcdTarget : IBenchTarget, IAsyncDisposable
{
    private readonly IReadOnlyList<EtcdServer> servers;
    private readonly GrpcChannel[] channels;
    private readonly KV.KVClient[] clients;
    private readonly TimeSpan timeout;

    private EtcdTarget(IReadOnlyList<EtcdServer> servers, IEnumerable<Uri> spokenTo, int connections, TimeSpan timeout)
    {
        this.servers = servers;
        this.timeout = timeout;
        var endpoints = spokenTo.ToArray();
        channels = [.. Enumerable.Range(0, connections).Select(number => Open(endpoints[number % endpoints.Length]))];
        clients = [.. channels.Select(static channel => new KV.KVClient(channel))];
    }

    public string Name => "etcd";

    /// <summary>Connects.</summary>
    /// <param name="servers">All members.</param>
    /// <param name="leaderOnly">Speak to the leader only, which saves the others' forwarding; otherwise to all by turns.</param>
    /// <param name="connections">How many connections there are in all.</param>
    /// <param name="timeout">When an operation is given up.</param>
    /// <param name="cancellationToken">The user gave up.</param>
    public static async Task<EtcdTarget> ConnectAsync(IReadOnlyList<EtcdServer> servers, bool leaderOnly, int connections, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var spokenTo = new List<Uri>();
        foreach (var server in servers)
        {
            using var channel = Open(server.Endpoint);
            var status = await new Maintenance.MaintenanceClient(channel).StatusAsync(new(), deadline: DateTime.UtcNow + timeout, cancellationToken: cancellationToken);
            if (!leaderOnly || status.Leader == status.Header.MemberId)
            {
                spokenTo.Add(server.Endpoint);
            }
        }

        return spokenTo.Count > 0
            ? new(servers, spokenTo, connections, timeout)
            : throw new Host.CommandLine.CommandException(Host.ExitCode.Unavailable, "none of the endpoints is etcd's leader");
    }

    public async ValueTask<OperationOutcome> PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        try
        {
            await clients[client % clients.Length].PutAsync(new() { Key = Wrap(key), Value = Wrap(value) }, Options(cancellationToken)).ConfigureAwait(false);
            return OperationOutcome.Done;
        }
        catch (RpcException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return exception.StatusCode is StatusCode.InvalidArgument or StatusCode.ResourceExhausted or StatusCode.PermissionDenied or StatusCode.Unauthenticated
                ? new($"rejected: {NameOf(exception.StatusCode)}")
                : new($"unknown: {NameOf(exception.StatusCode)}");
        }
    }

    public async ValueTask<OperationOutcome> GetAsync(int client, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await clients[client % clients.Length].RangeAsync(new() { Key = Wrap(key) }, Options(cancellationToken)).ConfigureAwait(false);
            return reply.Kvs.Count == 1 ? OperationOutcome.Done : OperationOutcome.Absent;
        }
        catch (RpcException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new($"rejected: {NameOf(exception.StatusCode)}");
        }
    }

    public async ValueTask<OperationOutcome> ScanAsync(int client, ReadOnlyMemory<byte> after, int limit, CancellationToken cancellationToken)
    {
        // From the least key behind it to the least that does not begin with the prefix.
        byte[] from = [.. after.Span, 0], to = [.. BenchData.PrefixBytes.Span[..^1], (byte)(BenchData.PrefixBytes.Span[^1] + 1)];
        try
        {
            await clients[client % clients.Length].RangeAsync(new() { Key = Wrap(from), RangeEnd = Wrap(to), Limit = limit }, Options(cancellationToken)).ConfigureAwait(false);
            return OperationOutcome.Done;
        }
        catch (RpcException exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new($"rejected: {NameOf(exception.StatusCode)}");
        }
    }

    /// <summary>The cheapest call that etcd has: it asks nobody else and reads no key.</summary>
    public async ValueTask<OperationOutcome> PingAsync(int client, CancellationToken cancellationToken)
    {
        await new Maintenance.MaintenanceClient(channels[client % channels.Length]).StatusAsync(new(), Options(cancellationToken)).ConfigureAwait(false);
        return OperationOutcome.Done;
    }

    public async Task<IReadOnlyList<ServerUsage>> GetUsageAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(servers.Select(server => server.GetUsageAsync(cancellationToken))).ConfigureAwait(false);

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in channels)
        {
            await channel.ShutdownAsync().ConfigureAwait(false);
            channel.Dispose();
        }

        foreach (var server in servers)
        {
            server.Dispose();
        }
    }

    // One connection each: a channel opens more only when it is told to.
    private static GrpcChannel Open(Uri endpoint) => GrpcChannel.ForAddress(endpoint);

    // The benchmark does not change what it has handed over.
    private static ByteString Wrap(ReadOnlyMemory<byte> bytes) => UnsafeByteOperations.UnsafeWrap(bytes);

    private static string NameOf(StatusCode code) => JsonNamingPolicy.KebabCaseLower.ConvertName(code.ToString());

    private CallOptions Options(CancellationToken cancellationToken) => new(deadline: DateTime.UtcNow + timeout, cancellationToken: cancellationToken);
}
