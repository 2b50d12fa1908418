using MultiDc.Server.StateMachine;

namespace MultiDc.Simulation;

/// <summary>What one attempt of a client ended with: a write's outcome, a read's value, or why there is none.</summary>
/// <param name="Outcome">Of a write or of opening a session.</param>
/// <param name="Session">The session that was opened.</param>
/// <param name="Read">Of a read.</param>
internal sealed record ClientReply(WriteResult? Outcome, SessionId? Session, ReadResult? Read);

/// <summary>A client's request on its way to a replica.</summary>
internal sealed class RequestParcel(SimulatedWorld world, SimulatedClient client, int attempt, SimulatedReplica to) : Parcel
{
    /// <summary>A command to propose; null: a read.</summary>
    public KeyValueCommand? Command { get; init; }

    /// <summary>What to read.</summary>
    public byte[]? Key { get; init; }

    /// <summary>What was committed when the read began, and must be seen by it.</summary>
    public ulong MustSee { get; init; }

    public override ulong Fingerprint => ((ulong)client.Number << 32) | (uint)attempt;

    public override bool MayBeDoubled => false;

    public override void Arrive()
    {
        if (to.Receiver is { } process)
        {
            process.Serve(this);
        }
        else if (world.ConnectionsAreRefused)
        {
            // Nobody listens there: the caller learns at once, but not whether an earlier copy arrived.
            Reply(new(new Unknown("the connection was refused"), null, new ReadRejected(RejectionReason.Unavailable, "the connection was refused")));
        }
    }

    /// <summary>Sends the answer back.</summary>
    public void Reply(ClientReply reply) => world.Network.Send(to.Number, client.Endpoint, new ReplyParcel(client, attempt, reply));

    public override string Describe() => $"{client} asks (attempt {attempt}): {(Command is null ? $"get {System.Text.Encoding.UTF8.GetString(Key!)}" : ClientText.Of(Command))}";
}

/// <summary>A replica's answer on its way back.</summary>
internal sealed class ReplyParcel(SimulatedClient client, int attempt, ClientReply reply) : Parcel
{
    public override ulong Fingerprint => ((ulong)client.Number << 40) | ((ulong)(uint)attempt << 8) | Kind;

    public override bool MayBeDoubled => false;

    private ulong Kind => (reply.Outcome, reply.Read) switch
    {
        (Applied, _) => 1,
        (Rejected { Reason: var reason }, _) => 0x10 + (ulong)reason,
        (Unknown, null) => 2,
        (_, ReadServed { Entry: null }) => 3,
        (_, ReadServed { Entry: { } entry }) => 0x80 ^ (entry.ModifyRevision.Value & 0x7F),
        (_, ReadRejected { Reason: var reason }) => 0x20 + (ulong)reason,
        _ => 4,
    };

    public override void Arrive() => client.Take(attempt, reply);

    public override string Describe() => $"{client} (attempt {attempt}): {(object?)reply.Read ?? reply.Outcome}";
}

/// <summary>Commands in words.</summary>
internal static class ClientText
{
    public static string Of(KeyValueCommand command) => command switch
    {
        WriteCommand { Operation: var operation } write => $"session {write.Session.Value} write {write.Sequence.Value}: {Of(operation)}",
        _ => "open a session",
    };

    private static string Of(Grains.WriteOperation operation) => operation switch
    {
        Grains.PutOperation put => $"put {Text(put.Key)}={Text(put.Value)}",
        Grains.DeleteOperation => $"delete {Text(operation.Key)}",
        Grains.CompareAndSetOperation set => $"cas {Text(set.Key)} {(set.Expected is { } expected ? Text(expected) : "absent")} -> {Text(set.Value)}",
        _ => operation.ToString()!,
    };

    private static string Text(ReadOnlyMemory<byte> bytes)
    {
        var text = System.Text.Encoding.UTF8.GetString(bytes.Span);
        return text.Length > 24 ? text[..24] + ".." : text;
    }
}
