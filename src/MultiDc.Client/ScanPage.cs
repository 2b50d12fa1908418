namespace MultiDc.Client;

/// <summary>A page of a scan, or why there is none.</summary>
/// <param name="Entries">In key order.</param>
/// <param name="Next">With this the scan goes on behind the last entry, in any process and datacenter; null: there was nothing more.</param>
/// <param name="Rejection">Why there is no page; null when there is one. With the same token it may be asked for again.</param>
public sealed record ScanPage(IReadOnlyList<KeyValueEntry> Entries, ScanToken? Next, ReadRejected? Rejection = null);
