using System.Net;
using Orleans.Messaging;

#pragma warning disable CS0618, CS0672 // Orleans 10 marks the members that an IMembershipTable must implement as obsolete.

namespace MultiDc.Testing.Cluster;

/// <summary>The membership table of a cluster, in memory, with the optimistic concurrency that Orleans asks for.</summary>
internal sealed class MembershipTable
{
    private readonly Lock gate = new();
    private readonly Dictionary<SiloAddress, (MembershipEntry Entry, string ETag)> rows = [];
    private int version;
    private int nextETag;

    public MembershipTableData Read(SiloAddress? only = null)
    {
        lock (gate)
        {
            return new(
                [.. rows.Values.Where(row => only is null || row.Entry.SiloAddress.Equals(only)).Select(static row => Tuple.Create(CopyOf(row.Entry), row.ETag))],
                new TableVersion(version, version.ToString()));
        }
    }

    public bool Write(MembershipEntry entry, string? etag, TableVersion tableVersion)
    {
        lock (gate)
        {
            var present = rows.TryGetValue(entry.SiloAddress, out var row) ? row.ETag : null;
            if (present != etag || tableVersion.VersionEtag != version.ToString())
            {
                return false;
            }

            version = tableVersion.Version;
            rows[entry.SiloAddress] = (CopyOf(entry), (++nextETag).ToString());
            return true;
        }
    }

    public void WriteIAmAlive(MembershipEntry entry)
    {
        lock (gate)
        {
            if (rows.TryGetValue(entry.SiloAddress, out var row))
            {
                row.Entry.IAmAliveTime = entry.IAmAliveTime;
            }
        }
    }

    private static MembershipEntry CopyOf(MembershipEntry entry) => new()
    {
        SiloAddress = entry.SiloAddress,
        Status = entry.Status,
        SuspectTimes = entry.SuspectTimes is null ? null : [.. entry.SuspectTimes],
        ProxyPort = entry.ProxyPort,
        HostName = entry.HostName,
        SiloName = entry.SiloName,
        RoleName = entry.RoleName,
        UpdateZone = entry.UpdateZone,
        FaultZone = entry.FaultZone,
        StartTime = entry.StartTime,
        IAmAliveTime = entry.IAmAliveTime,
    };
}

/// <summary>One silo's way to the table, which ends when the silo does: a dead process writes no farewell.</summary>
internal sealed class SiloMembershipTable(MembershipTable table) : IMembershipTable
{
    private volatile bool cut;

    public void Cut() => cut = true;

    public Task InitializeMembershipTable(bool tryInitTableVersion) => Reach(static _ => true);

    public Task DeleteMembershipTableEntries(string clusterId) => Task.CompletedTask;

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Task.CompletedTask;

    public Task<MembershipTableData> ReadRow(SiloAddress key) => Reach(t => t.Read(key));

    public Task<MembershipTableData> ReadAll() => Reach(static t => t.Read());

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => Reach(t => t.Write(entry, null, tableVersion));

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => Reach(t => t.Write(entry, etag, tableVersion));

    public Task UpdateIAmAlive(MembershipEntry entry) => Reach(t =>
    {
        t.WriteIAmAlive(entry);
        return true;
    });

    private Task<T> Reach<T>(Func<MembershipTable, T> call) =>
        cut ? Task.FromException<T>(new IOException("the membership table does not answer")) : Task.FromResult(call(table));
}

/// <summary>Tells clients the gateways of the active silos.</summary>
internal sealed class TestGateways(MembershipTable table) : IGatewayListProvider
{
    public TimeSpan MaxStaleness => TimeSpan.FromMilliseconds(500);

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public Task<IList<Uri>> GetGateways() => Task.FromResult<IList<Uri>>(
        [.. table.Read().Members.Select(static row => row.Item1).Where(static entry => entry.Status == SiloStatus.Active && entry.ProxyPort > 0)
            .Select(static entry => SiloAddress.New(new IPEndPoint(entry.SiloAddress.Endpoint.Address, entry.ProxyPort), entry.SiloAddress.Generation).ToGatewayUri())]);
}
