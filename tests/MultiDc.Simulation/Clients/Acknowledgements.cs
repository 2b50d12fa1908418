using MultiDc.Linearizability;

namespace MultiDc.Simulation;

/// <summary>A write of a client and what the client was told in the end.</summary>
/// <param name="Client">Whose it is.</param>
/// <param name="Operation">What it was.</param>
/// <param name="Session">The session, if one was opened for it.</param>
/// <param name="Sequence">Its number in it.</param>
/// <param name="Outcome">What the client was told.</param>
internal sealed record Acknowledgement(SimulatedClient Client, ClientOperation Operation, SessionId? Session, SessionSequence? Sequence, WriteResult Outcome);

/// <summary>What all clients were told about their writes.</summary>
internal sealed class Acknowledgements
{
    private readonly List<Acknowledgement> all = [];

    public IReadOnlyList<Acknowledgement> All => all;

    public void Take(SimulatedClient client, ClientOperation operation, SessionId? session, SessionSequence? sequence, WriteResult outcome)
    {
        if (operation.Kind != OperationKind.Get)
        {
            all.Add(new(client, operation, session, sequence, outcome));
        }
    }
}
