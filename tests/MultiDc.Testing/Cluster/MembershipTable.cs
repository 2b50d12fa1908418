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

    /// <summary>A table of its own that begins as this one is now.</summary>
    public MembershipTable Fork()
    {
        var fork = new MembershipTable();
        lock (gate)
        {
            (fork.version, fork.nextETag) = (version, nextETag);
            foreach (var (silo, row) in rows)
            {
                fork.rows.Add(silo, (CopyOf(row.Entry), row.ETag));
            }
        }

        return fork;
    }

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

/// <summary>One silo's way to the table. Once its process is dead, what is left of it speaks to a table of its own: a dead process writes no farewell.</summary>
internal sealed class SiloMembershipTable(MembershipTable shared) : IMembershipTable
{
    private volatile MembershipTable table = shared;

    public void Cut() => table = table.Fork();

    public Task InitializeMembershipTable(bool tryInitTableVersion) => Task.CompletedTask;

    public Task DeleteMembershipTableEntries(string clusterId) => Task.CompletedTask;

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => Task.CompletedTask;

    public Task<MembershipTableData> ReadRow(SiloAddress key) => Task.FromResult(table.Read(key));

    public Task<MembershipTableData> ReadAll() => Task.FromResult(table.Read());

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => Task.FromResult(table.Write(entry, null, tableVersion));

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => Task.FromResult(table.Write(entry, etag, tableVersion));

    public Task UpdateIAmAlive(MembershipEntry entry)
    {
        table.WriteIAmAlive(entry);
        return Task.CompletedTask;
    }
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
