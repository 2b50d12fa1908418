namespace MultiDc.Wan.Links;

/// <summary>What has happened to the packets of one direction since the start. Bytes are those of whole IP packets.</summary>
internal readonly record struct LinkCounters
{
    /// <summary>Packets that entered: each is then lost, cut, refused or accepted.</summary>
    public long SentPackets { get; init; }

    /// <summary>The bytes of <see cref="SentPackets"/>.</summary>
    public long SentBytes { get; init; }

    /// <summary>Packets that arrived, second copies included.</summary>
    public long DeliveredPackets { get; init; }

    /// <summary>The bytes of <see cref="DeliveredPackets"/>.</summary>
    public long DeliveredBytes { get; init; }

    /// <summary>Packets that were dropped by chance.</summary>
    public long LostPackets { get; init; }

    /// <summary>Packets and copies that were dropped because the direction was cut when they entered or when they were to arrive.</summary>
    public long CutPackets { get; init; }

    /// <summary>Packets and copies that were dropped because too many were under way.</summary>
    public long RefusedPackets { get; init; }

    /// <summary>Packets that were given a second copy.</summary>
    public long DuplicatedPackets { get; init; }

    /// <summary>Packets that were held back.</summary>
    public long ReorderedPackets { get; init; }
}
