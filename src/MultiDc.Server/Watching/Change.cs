namespace MultiDc.Server.Watching;

/// <summary>What applying an entry did to one key. Key and value may share the memory of the entry they came in.</summary>
/// <param name="Revision">The entry's index.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">Its new value; null: it was removed.</param>
/// <param name="CreateRevision">Since when the key is there; nothing when it was removed.</param>
/// <param name="Version">How often it was written since; nothing when it was removed.</param>
/// <param name="PreviousRevision">The revision of its change before; null: it was absent.</param>
/// <param name="Lease">The lease it is bound to.</param>
/// <param name="HeldBytes">What it counts for of the memory that key and value are parts of; null: as if they were all of it.</param>
internal readonly record struct Change(
    Revision Revision, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value, Revision CreateRevision, ulong Version, Revision? PreviousRevision, LeaseId Lease = default,
    int? HeldBytes = null)
{
    // The struct itself, and what the ring keeps free.
    private const int OverheadBytes = 192;

    /// <summary>About how much memory it keeps.</summary>
    public int SizeBytes => (HeldBytes ?? Length) + OverheadBytes;

    /// <summary>About how much it is to tell.</summary>
    public int ToldBytes => Length + OverheadBytes;

    private int Length => Key.Length + (Value?.Length ?? 0);

    public WatchEvent ToEvent() => new(Key, Value is { } value ? new(Key, value, CreateRevision, Revision, Version, Lease) : null, PreviousRevision);
}
