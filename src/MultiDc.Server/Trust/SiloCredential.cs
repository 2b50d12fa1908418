namespace MultiDc.Server.Trust;

/// <summary>
/// What a silo shows with every call that only silos of the system may make: any Orleans client at a gateway can call any grain. Made from the
/// key that the silos share, which itself is never sent.
/// </summary>
[GenerateSerializer, Immutable, Alias("MultiDc.SiloCredential")]
internal readonly record struct SiloCredential([property: Id(0)] ReadOnlyMemory<byte> Proof);
