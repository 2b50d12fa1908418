namespace MultiDc.Server.Transport;

/// <summary>How much may be on its way to another datacenter.</summary>
internal sealed record OutboxOptions
{
    /// <summary>The most frames that wait; more are dropped. Default: 16,384.</summary>
    public int MaxWaitingFrames { get; init; } = 16_384;

    /// <summary>The most bytes that wait; more are dropped. Default: 64 MiB.</summary>
    public long MaxWaitingBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>A parcel with so many bytes takes no further frame. Default: 1 MiB.</summary>
    public int MaxParcelBytes { get; init; } = 1024 * 1024;

    /// <summary>The most parcels of which it is not known that they came, rounded down to a multiple of <see cref="ConfirmEvery"/>. Default: 32.</summary>
    public int MaxParcelsInFlight { get; init; } = 32;

    /// <summary>One parcel in so many is confirmed by the other side, with all that was sent before it. Default: 8.</summary>
    public int ConfirmEvery { get; init; } = 8;

    /// <summary>A parcel that was not confirmed for so long counts as lost. Default: 2 s.</summary>
    public TimeSpan ParcelTimeout { get; init; } = TimeSpan.FromSeconds(2);
}
