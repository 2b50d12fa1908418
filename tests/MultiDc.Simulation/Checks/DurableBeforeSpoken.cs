namespace MultiDc.Simulation;

/// <summary>
/// What a message says is durable before it leaves (§3.8; figure 3.1 "updated on stable storage before responding to RPCs"): the term of
/// every message, the vote behind a vote, the entries behind an acknowledgement, what the entries of an append follow (they themselves may be on their way
/// to the leader's disk, dissertation §10.2.1). What a replica said in an earlier term than the one it is
/// in by now it may have taken back in the very same write.
/// </summary>
internal sealed class DurableBeforeSpoken(Violations violations)
{
    public void Sending(ReplicaProcess process, RaftMessage message)
    {
        // A fenced activation may still say what was durable before its successor changed the disk.
        if (process.Storage is not { IsLatest: true, Image.Durable: { } durable } || message is PreVoteRequest or PreVoteResponse)
        {
            return;
        }

        var hard = durable.HardState;
        if (hard.Term < message.Term)
        {
            Report(process, message, $"its durable term is {hard.Term}");
        }

        switch (message)
        {
            case VoteResponse { Granted: true } when hard.Term == message.Term && hard.VotedFor != message.To:
            case VoteRequest when hard.Term == message.Term && hard.VotedFor != message.From:
                Report(process, message, $"its durable vote is {hard.VotedFor}");
                break;
            case AppendAccepted accepted when hard.Term == message.Term && accepted.Match.Value > durable.LastIndex:
                Report(process, message, $"its durable log ends at {durable.LastIndex}");
                break;
            case AppendRequest append when hard.Term == message.Term && append.Previous.Index.Value > durable.LastIndex:
                Report(process, message, $"its durable log ends at {durable.LastIndex}, before what its entries follow");
                break;
        }
    }

    private void Report(ReplicaProcess process, RaftMessage message, string but) =>
        violations.Report(nameof(DurableBeforeSpoken), $"{process} says {MessageText.Of(message)}, but {but}");
}
