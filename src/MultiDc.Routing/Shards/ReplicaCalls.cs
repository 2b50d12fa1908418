using MultiDc.Grains;

namespace MultiDc.Routing.Shards;

/// <summary>How this process asks one replica: writes and reads of single keys, of which there may be many at once, travel together.</summary>
/// <param name="replica">The replica.</param>
/// <param name="time">The clock.</param>
internal sealed class ReplicaCalls(ReplicaAddress replica, TimeProvider time)
{
    /// <summary>The key of the replica's grain.</summary>
    public string Key { get; } = replica.ToString();

    /// <summary>Writes.</summary>
    public CallBatcher<WriteRequest, WriteResult> Writes { get; } = new(
        static (grain, request) => grain.WriteAsync(request),
        static async (grain, requests) => (await grain.WriteManyAsync(new(requests)).ConfigureAwait(false)).Results is var results && results.Length == requests.Length
            ? results
            : throw new InvalidDataException($"{results.Length} results of {requests.Length} writes"),
        static request => OperationLimits.BytesOf(request.Operation),
        time);

    /// <summary>Linearizable reads.</summary>
    public CallBatcher<ReadRequest, ReadResult> Reads { get; } = new(
        static (grain, request) => grain.ReadAsync(request),
        static async (grain, requests) => (await grain.ReadManyAsync(new(requests)).ConfigureAwait(false)).Results,
        static request => request.Key.Length,
        time);
}
