using System.Text.Json;
using System.Text.Json.Serialization;

namespace MultiDc.Server.Openings;

/// <summary>What one replica remembers of another of its group, and what it makes of a presentation by it. Immutable and pure.</summary>
/// <param name="StoreId">The store whose opening was accepted last.</param>
/// <param name="Epoch">That opening's number; 0: none yet.</param>
/// <param name="OpeningId">And its id.</param>
/// <param name="Promises">What is known to have been on its disk.</param>
internal sealed record ReplicaMemory(Guid StoreId, ulong Epoch, Guid OpeningId, Promises Promises)
{
    private const int Format = 1;

    /// <summary>Never heard of.</summary>
    public static readonly ReplicaMemory Nothing = new(Guid.Empty, 0, Guid.Empty, default);

    /// <summary>Whether this is the opening that was accepted.</summary>
    public bool IsOf(Guid storeId, ulong epoch, Guid openingId) => Epoch == epoch && OpeningId == openingId && StoreId == storeId && epoch > 0;

    /// <summary>What to say to a presentation. It may be doubled, delayed, and overtaken by what came after it; the store is the replica's home.</summary>
    public (PresentationVerdict Verdict, string Detail) Judge(Presentation presented) =>

        // Told again, after it was accepted: what it has said since is no part of it.
        IsOf(presented.StoreId, presented.Epoch, presented.OpeningId) ? (PresentationVerdict.Accepted, "")
        : presented.Epoch == Epoch ? (PresentationVerdict.RolledBack, $"there had been another opening {Epoch} of its store")
        : presented.Epoch < Epoch ? (PresentationVerdict.Superseded, $"there has been an opening {Epoch} of its store, this is {presented.Epoch}")
        : Promises.DescribeForgotten(presented) is { } forgotten ? (PresentationVerdict.RolledBack, forgotten)
        : (PresentationVerdict.Accepted, "");

    /// <summary>What is remembered when a presentation was accepted.</summary>
    public ReplicaMemory After(Presentation accepted) =>
        new(accepted.StoreId, accepted.Epoch, accepted.OpeningId, Promises.And(new(accepted.Term, accepted.VotedFor, 0)));

    public byte[] Serialize() => JsonSerializer.SerializeToUtf8Bytes(
        new Stored(Format, StoreId, Epoch, OpeningId, Promises.Term, Promises.VotedFor, Promises.LastIndex), StoredMemoryJson.Default.Stored);

    /// <exception cref="FormatException">The bytes are no such memory, or one of a later format.</exception>
    public static ReplicaMemory Deserialize(ReadOnlySpan<byte> bytes)
    {
        Stored? stored;
        try
        {
            stored = JsonSerializer.Deserialize(bytes, StoredMemoryJson.Default.Stored);
        }
        catch (JsonException exception)
        {
            throw new FormatException("what is stored of another replica is not readable", exception);
        }

        return stored is { Format: Format }
            ? new(stored.StoreId, stored.Epoch, stored.OpeningId, new(stored.Term, stored.VotedFor, stored.LastIndex))
            : throw new FormatException($"a replica's memory of format {stored?.Format}; this version reads {Format}");
    }

    internal sealed record Stored(int Format, Guid StoreId, ulong Epoch, Guid OpeningId, ulong Term, ulong VotedFor, ulong LastIndex);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ReplicaMemory.Stored))]
internal sealed partial class StoredMemoryJson : JsonSerializerContext;
