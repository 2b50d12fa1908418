namespace MultiDc.Linearizability.Tests;

/// <summary>What the simulated clients do.</summary>
internal sealed record Workload
{
    public int Operations { get; init; } = 1000;
    public int Clients { get; init; } = 8;
    public int Keys { get; init; } = 1;
    public int UnknownPercent { get; init; }
    public int PutWeight { get; init; }
    public int GetWeight { get; init; }
    public int DeleteWeight { get; init; }

    /// <summary>Compare-and-sets that expect what the client saw last: with <see cref="IsCounter"/> increments.</summary>
    public int CasWeight { get; init; }

    public bool IsCounter { get; init; }

    /// <summary>Values are drawn from so many; 0: every written value is new.</summary>
    public int DistinctValues { get; init; }

    /// <summary>The longest pause of a client between operations; an operation takes up to 1000 ns.</summary>
    public int LongestPause { get; init; } = 200;
}

/// <summary>
/// Clients against registers that are atomic by construction: an operation takes effect at one instant drawn between its start and its end.
/// One of unknown outcome never does, or does in time, or long after.
/// </summary>
internal sealed class SimulatedRegisters(Workload workload, int seed)
{
    private const int LongestLatency = 1000;

    private readonly Random _random = new(seed);
    private readonly PriorityQueue<Action, (long Time, int Tie)> _agenda = new();
    private readonly Dictionary<string, string?> _registers = [];
    private readonly Dictionary<(int Client, string Key), string?> _seen = [];
    private readonly List<Operation> _history = [];
    private int _started;
    private int _ties;
    private int _values;

    /// <summary>A linearizable history.</summary>
    public static List<Operation> Run(Workload workload, int seed) => new SimulatedRegisters(workload, seed).Run();

    private List<Operation> Run()
    {
        for (var client = 0; client < workload.Clients; client++)
        {
            var c = client;
            var start = _random.Next(LongestLatency);
            At(start, () => Start(c, start));
        }

        while (_agenda.TryDequeue(out var action, out _))
        {
            action();
        }

        return _history;
    }

    private void At(long time, Action action) => _agenda.Enqueue(action, (time, _ties++));

    private void Start(int client, long now)
    {
        if (_started++ >= workload.Operations)
        {
            return;
        }

        var operation = Draw(client, now);
        var end = now + _random.Next(1, LongestLatency);
        var instant = _random.NextInt64(now, end + 1);
        if (_random.Next(100) < workload.UnknownPercent)
        {
            operation = operation with { Result = OperationResult.Unknown, End = null };
            _history.Add(operation);
            if (_random.Next(2) == 0)
            {
                At(_random.Next(2) == 0 ? instant : instant + _random.Next(50 * LongestLatency), () => Apply(operation));
            }
        }
        else
        {
            At(instant, () =>
            {
                var output = Apply(operation);
                _history.Add(operation with { End = end, Output = output });
                At(end, () => _seen[(client, operation.Key)] = operation.Kind == OperationKind.Get ? output : operation.Value);
            });
        }

        var next = end + _random.Next(1, workload.LongestPause + 1);
        At(next, () => Start(client, next));
    }

    private Operation Draw(int client, long now)
    {
        var key = $"key-{_random.Next(workload.Keys)}";
        var draw = _random.Next(workload.PutWeight + workload.GetWeight + workload.DeleteWeight + workload.CasWeight);
        var operation = new Operation
        {
            Client = client, Kind = OperationKind.Get, Key = key, Start = now, End = now, Result = OperationResult.Ok,
        };
        if (draw < workload.GetWeight)
        {
            return operation;
        }

        if ((draw -= workload.GetWeight) < workload.DeleteWeight)
        {
            return operation with { Kind = OperationKind.Delete };
        }

        if (draw - workload.DeleteWeight < workload.PutWeight)
        {
            return operation with { Kind = OperationKind.Put, Value = NewValue() };
        }

        var expect = _seen.GetValueOrDefault((client, key));
        var value = workload.IsCounter ? $"{int.Parse(expect ?? "0") + 1}" : NewValue();
        return operation with { Kind = OperationKind.Cas, Expect = expect, Value = value };
    }

    private string NewValue() => workload.DistinctValues == 0 ? $"v{_values++}" : $"v{_random.Next(workload.DistinctValues)}";

    private string? Apply(Operation operation)
    {
        var before = _registers.GetValueOrDefault(operation.Key);
        switch (operation.Kind)
        {
            case OperationKind.Get:
                return before;
            case OperationKind.Cas when before != operation.Expect:
                return "false";
            default:
                _registers[operation.Key] = operation.Value;
                return operation.Kind == OperationKind.Cas ? "true" : null;
        }
    }
}
