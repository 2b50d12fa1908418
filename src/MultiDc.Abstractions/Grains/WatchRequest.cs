namespace MultiDc.Grains;

/// <summary>Asks a replica for what has changed since a revision: a long poll. Any replica may answer, since what is applied is the same on all.</summary>
/// <param name="Filter">Which keys.</param>
/// <param name="After">Only changes after this revision; null: from now on, which is answered at once with where that is.</param>
/// <param name="MaxBytes">About how many bytes of keys and values to answer at most; one revision is never split.</param>
/// <param name="MaxStaleness">
/// When nothing has changed: how long ago the replica's state may last have been known to be the newest. Older, the request is refused with
/// <see cref="RejectionReason.TooStale"/>, so that a replica that is cut off keeps nobody waiting for ever.
/// </param>
/// <param name="Patience">How long to wait for a change; zero: not at all.</param>
/// <param name="Timeout">How long the replica may take beyond that to find out how old its state is.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.WatchRequest")]
public sealed record WatchRequest(
    [property: Id(0)] WatchFilter Filter,
    [property: Id(1)] Revision? After,
    [property: Id(2)] int MaxBytes,
    [property: Id(3)] TimeSpan MaxStaleness,
    [property: Id(4)] TimeSpan Patience,
    [property: Id(5)] TimeSpan Timeout);

/// <summary>What has changed, or that nothing has, or why the replica can't tell.</summary>
/// <param name="Revisions">All changes that match, from the one asked for up to <paramref name="UpTo"/>, in order.</param>
/// <param name="UpTo">Everything up to this revision is told: go on after it. Never before the one asked for.</param>
/// <param name="CompactedTo">Not null: the replica remembers only what came after this revision, and was asked for something earlier.</param>
/// <param name="Rejection">Why the replica can't tell; null when it can, or has forgotten.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.WatchReply")]
public sealed record WatchReply(
    [property: Id(0)] IReadOnlyList<WatchedRevision> Revisions, [property: Id(1)] Revision UpTo, [property: Id(2)] Revision? CompactedTo, [property: Id(3)] ReadRejected? Rejection);

/// <summary>All that one revision changed and the watch is about.</summary>
/// <param name="Revision">The revision.</param>
/// <param name="Events">At least one.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.WatchedRevision")]
public sealed record WatchedRevision([property: Id(0)] Revision Revision, [property: Id(1)] IReadOnlyList<WatchEvent> Events);
