namespace MultiDc;

/// <summary>
/// Why a request was refused. A refused write did not happen and never will. Time may heal <see cref="NotLeader"/>, <see cref="Overloaded"/>, <see cref="NotReady"/>, <see cref="Unavailable"/>, <see cref="TooStale"/> and
/// <see cref="StoreFull"/>: the same request may be served later. The others depend on the request and the state. The numbers are on the wire.
/// </summary>
public enum RejectionReason
{
    /// <summary>The replica does not lead its shard; a client library follows the hint by itself.</summary>
    NotLeader = 1,

    /// <summary>A queue is full; try again later.</summary>
    Overloaded = 2,

    /// <summary>The key is not in this shard's range: the caller's ring is out of date.</summary>
    WrongShard = 3,

    /// <summary>Compare-and-set: the value was another than expected.</summary>
    PreconditionFailed = 4,

    /// <summary>The session is not known (any more): it was the least recently used of too many.</summary>
    SessionExpired = 5,

    /// <summary>The request breaks a limit or is not well formed; it will be refused every time.</summary>
    InvalidArgument = 6,

    /// <summary>No such keyspace.</summary>
    UnknownKeyspace = 7,

    /// <summary>No such datacenter.</summary>
    UnknownDatacenter = 8,

    /// <summary>The replica is starting, or its store is not the one its group knows.</summary>
    NotReady = 9,

    /// <summary>No leader could be reached before the deadline; nothing was sent to one.</summary>
    Unavailable = 10,

    /// <summary>The store has no space for more.</summary>
    StoreFull = 11,

    /// <summary>The replica cannot tell that its state is as new as the read must be: its leader was not reached.</summary>
    TooStale = 12,

    /// <summary>The shard holds as many bytes as its keyspace allows (<see cref="Ring.KeyspaceDescriptor.MaxShardBytes"/>); deletions make room.</summary>
    QuotaExceeded = 13,

    /// <summary>The write's guard carries a lesser token than the shard has seen: whoever wrote holds its lock no more.</summary>
    FencingTokenStale = 20,

    /// <summary>The value is no integer that can be added to or compared with: decimal text of 64 bits, without leading zeros or a plus sign.</summary>
    NotAnInteger = 21,

    /// <summary>What the operation would make is too large: an integer beyond 64 bits, a value or a batch's results beyond their limit.</summary>
    OutOfRange = 22,

    /// <summary>The shard holds as many of these as it may, such as names of guards, leases, or keys of one lease.</summary>
    LimitReached = 23,

    /// <summary>There is no such lease: it has expired, was revoked, or is another shard's.</summary>
    LeaseNotFound = 24,
}
