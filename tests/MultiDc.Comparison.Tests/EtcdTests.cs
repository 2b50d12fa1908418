using MultiDc.Comparison.Etcd;

namespace MultiDc.Comparison.Tests;

/// <summary>What is known of etcd without one.</summary>
public sealed class EtcdTests
{
    [Fact]
    public void Metrics_without_labels_are_read()
    {
        var metrics = EtcdServer.Read(
            """
            # HELP etcd_disk_wal_fsync_duration_seconds The latency distributions of fsync called by WAL.
            # TYPE etcd_disk_wal_fsync_duration_seconds histogram
            etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 5
            etcd_disk_wal_fsync_duration_seconds_sum 0.0123
            etcd_disk_wal_fsync_duration_seconds_count 5
            process_start_time_seconds 1.79566101891e+09

            """.ReplaceLineEndings("\n"));
        Assert.Equal(5, metrics["etcd_disk_wal_fsync_duration_seconds_count"]);
        Assert.Equal(1795661018.91, metrics["process_start_time_seconds"]);
        Assert.Equal(3, metrics.Count);
    }
}
