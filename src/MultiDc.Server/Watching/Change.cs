namespace MultiDc.Server.Watching;

/// <summary>What applying an entry did to one key. Key and value share the memory of the entry they came in.</summary>
/// <param name="Revision">The entry's index.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">Its new value; null: it was removed.</param>
/// <param name="CreateRevision">Since when the key is there; nothing when it was removed.</param>
/// <param name="Version">How often it was written since; nothing when it was removed.</param>
/// <param name="PreviousRevision">The revision of its change before; null: it was absent.</param>
/// <param name="Lease">The lease it is bound to.</param>
internal readonly record struct Change(
    Revision Revision, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value, Revision CreateRevision, ulong Version, Revision? PreviousRevision, LeaseId Lease = default)
{
    // The struct itself, and what the array keeps free.
    private const int OverheadBytes = 128;

    /// <summary>About how much memory it keeps.</summary>
    public int SizeBytes => Key.Length + (Value?.Length ?? 0) + OverheadBytes;

    public WatchEvent ToEvent() => new(Key, Value is { } value ? new(Key, value, CreateRevision, Revision, Version, Lease) : null, PreviousRevision);
}
