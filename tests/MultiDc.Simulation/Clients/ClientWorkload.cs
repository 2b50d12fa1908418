using System.Text;
using MultiDc.Grains;
using MultiDc.Linearizability;
using MultiDc.Server.StateMachine;

namespace MultiDc.Simulation;

/// <summary>One operation of a client, before it is known how it ends.</summary>
internal sealed class ClientOperation(Operation operation, ulong mustSee)
{
    public Operation Operation => operation;

    public OperationKind Kind => operation.Kind;

    public byte[] KeyBytes { get; } = Encoding.UTF8.GetBytes(operation.Key);

    /// <summary>What was committed when it began.</summary>
    public ulong MustSee => mustSee;

    public WriteCommand Command(SessionId session, SessionSequence sequence) => new(session, sequence, operation.Kind switch
    {
        OperationKind.Put => new PutOperation(KeyBytes, Bytes(operation.Value!)),
        OperationKind.Delete => new DeleteOperation(KeyBytes),
        OperationKind.Cas => new CompareAndSetOperation(
            KeyBytes, operation.Expect is null ? (ReadOnlyMemory<byte>?)null : Bytes(operation.Expect), Bytes(operation.Value!)),
        _ => throw new System.Diagnostics.UnreachableException(),
    });

    public override string ToString() => $"{operation.Kind} {operation.Key} {operation.Expect} {operation.Value}";

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}

/// <summary>What one client does next: values that nobody else writes, and a counter of its own that it increments by compare-and-set.</summary>
internal sealed class ClientWorkload(SimulatedWorld world, int client, RunRandom random)
{
    private readonly WorkloadPlan plan = world.Plan.Workload;
    private readonly Dictionary<string, string?> lastSeen = [];
    private int writes;
    private int count;
    private bool countIsKnown = true;

    /// <summary>The key that only this client writes, one more each time.</summary>
    public string CounterKey { get; } = $"count-{client}";

    /// <summary>How often the counter was incremented for sure.</summary>
    public int Increments { get; private set; }

    /// <summary>How often it may have been besides.</summary>
    public int PossibleIncrements { get; private set; }

    public ClientOperation Next()
    {
        var mustSee = world.Checks.Reads.Begin();
        var draw = random.Next(plan.PutWeight + plan.GetWeight + plan.DeleteWeight + plan.CasWeight + plan.IncrementWeight);
        var key = $"key-{Math.Min(random.Next(plan.KeyCount), random.Next(plan.KeyCount))}";
        var operation = (draw -= plan.PutWeight) < 0 ? Write(OperationKind.Put, key, null)
            : (draw -= plan.GetWeight) < 0 ? Plain(OperationKind.Get, random.OneIn(8) ? CounterKey : key)
            : (draw -= plan.DeleteWeight) < 0 ? Plain(OperationKind.Delete, key)
            : (draw -= plan.CasWeight) < 0 ? Write(OperationKind.Cas, key, random.OneIn(6) ? null : lastSeen.GetValueOrDefault(key))
            : countIsKnown ? Plain(OperationKind.Cas, CounterKey) with { Expect = count == 0 ? null : $"{count}", Value = $"{count + 1}" }
            : Plain(OperationKind.Get, CounterKey);
        return new(operation, mustSee);
    }

    public void Ended(ClientOperation operation, OperationResult result, string? output)
    {
        if (operation.Operation.Key == CounterKey)
        {
            Counted(operation, result, output);
        }
        else if (result == OperationResult.Ok && operation.Kind == OperationKind.Get)
        {
            lastSeen[operation.Operation.Key] = output;
        }
        else if (result == OperationResult.Ok && output != "false")
        {
            lastSeen[operation.Operation.Key] = operation.Operation.Value;
        }
    }

    private void Counted(ClientOperation operation, OperationResult result, string? output)
    {
        switch (operation.Kind, result)
        {
            case (OperationKind.Get, OperationResult.Ok):
                (count, countIsKnown) = (output is null ? 0 : int.Parse(output), true);
                break;
            case (OperationKind.Cas, OperationResult.Ok) when output == "true":
                Increments++;
                count++;
                break;
            case (OperationKind.Cas, OperationResult.Ok or OperationResult.Unknown):
                PossibleIncrements += result == OperationResult.Unknown ? 1 : 0;
                countIsKnown = false;
                break;
        }
    }

    private Operation Write(OperationKind kind, string key, string? expect)
    {
        var value = $"{client}.{++writes}";
        var isLarge = plan.LargeValueOneIn > 0 && random.OneIn(plan.LargeValueOneIn);
        return Plain(kind, key) with { Value = isLarge ? value.PadRight(random.Next(500, 4_000), 'x') : value, Expect = expect };
    }

    private Operation Plain(OperationKind kind, string key) => new() { Client = client, Kind = kind, Key = key, Start = 0, Result = OperationResult.Unknown };
}
