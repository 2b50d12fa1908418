using System.Collections.Immutable;

namespace MultiDc;

/// <summary>A <see cref="Grains.KeepAliveOperation"/> happened: all its leases were renewed but those that are no more.</summary>
/// <param name="Revision">The revision it made.</param>
/// <param name="Lost">The leases that had expired or were revoked; in the order in which they were named.</param>
[GenerateSerializer, Immutable, Alias("MultiDc.AppliedKeepAlive")]
public sealed record AppliedKeepAlive(Revision Revision, [property: Id(0)] ImmutableArray<LeaseId> Lost) : Applied(Revision)
{
    /// <inheritdoc/>
    public bool Equals(AppliedKeepAlive? other) => base.Equals(other) && Lost.SequenceEqual(other!.Lost);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(base.GetHashCode(), Lost.Length);
}
