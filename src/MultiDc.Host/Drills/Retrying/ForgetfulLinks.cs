using System.Diagnostics.CodeAnalysis;
using MultiDc.Grains;
using MultiDc.Routing.Links;

namespace MultiDc.Host.Drills.Retrying;

/// <summary>The ways to the datacenters, with replicas that do what they are asked to, and whose answers to writes get lost now and then.</summary>
/// <param name="inner">The ways.</param>
/// <param name="loses">Whether the next answer is lost.</param>
internal sealed class ForgetfulLinks(IDatacenterLinks inner, Func<bool> loses) : IDatacenterLinks
{
    public DatacenterId Local => inner.Local;

    public IReadOnlyList<DatacenterId> Datacenters => inner.Datacenters;

    public bool TryGetLink(DatacenterId datacenter, [NotNullWhen(true)] out IDatacenterLink? link)
    {
        link = inner.TryGetLink(datacenter, out var found) ? new Link(found, loses) : null;
        return link is not null;
    }

    private sealed class Link(IDatacenterLink inner, Func<bool> loses) : IDatacenterLink
    {
        public DatacenterId Datacenter => inner.Datacenter;

        public bool IsUp => inner.IsUp;

        public TimeSpan? RoundTripTime => inner.RoundTripTime;

        public CancellationToken Lost => inner.Lost;

        public bool TryGetGrain<TGrain>(string key, [NotNullWhen(true)] out TGrain? grain)
            where TGrain : class, IGrainWithStringKey
        {
            grain = inner.TryGetGrain<IReplicaGrain>(key, out var replica) ? new Replica(replica, loses) as TGrain : null;
            return grain is not null;
        }
    }

    private sealed class Replica(IReplicaGrain inner, Func<bool> loses) : IReplicaGrain
    {
        public Task<OpenSessionReply> OpenSessionAsync(OpenSessionRequest request) => AnsweredAsync(inner.OpenSessionAsync(request));

        public Task<WriteResult> WriteAsync(WriteRequest request) => AnsweredAsync(inner.WriteAsync(request));

        public Task<WriteManyReply> WriteManyAsync(WriteManyRequest request) => AnsweredAsync(inner.WriteManyAsync(request));

        public Task<ReadManyReply> ReadManyAsync(ReadManyRequest request) => inner.ReadManyAsync(request);

        public Task<ReadResult> ReadAsync(ReadRequest request) => inner.ReadAsync(request);

        public Task<ReadResult> ReadStaleAsync(StaleReadRequest request) => inner.ReadStaleAsync(request);

        public Task<ReadResult> ReadAtLeastAsync(ReadAtLeastRequest request) => inner.ReadAtLeastAsync(request);

        public Task<ReadResult> ReadByFollowerAsync(ReadRequest request) => inner.ReadByFollowerAsync(request);

        public Task<ScanReply> ScanAsync(ScanRequest request) => inner.ScanAsync(request);

        public Task<LeaseReply> ReadLeaseAsync(LeaseReadRequest request) => inner.ReadLeaseAsync(request);

        public Task<WatchReply> WatchAsync(WatchRequest request) => inner.WatchAsync(request);

        public Task<ReplicaStatus> GetStatusAsync() => inner.GetStatusAsync();

        public Task<bool> TransferLeadershipAsync(DatacenterId to) => inner.TransferLeadershipAsync(to);

        private async Task<T> AnsweredAsync<T>(Task<T> answer)
        {
            var result = await answer;
            return loses() ? throw new IOException("the answer was lost") : result;
        }
    }
}
