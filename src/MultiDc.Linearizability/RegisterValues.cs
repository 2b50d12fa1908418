namespace MultiDc.Linearizability;

/// <summary>
/// The values of one key as small integers. Values that no answered get returned and no compare-and-set compares with all become
/// <see cref="Unread"/>: every test that the history makes on the register treats them alike, so no verdict can tell them apart.
/// </summary>
internal sealed class RegisterValues
{
    public const int Unread = 1;

    private readonly Dictionary<string, int> _ids = [];
    private readonly List<string?> _values = [null, null];

    public RegisterValues(IEnumerable<Operation> operations)
    {
        foreach (var operation in operations)
        {
            var tested = operation.Kind switch
            {
                OperationKind.Get => operation.Output,
                OperationKind.Cas => operation.Expect,
                _ => null,
            };
            if (tested is not null && _ids.TryAdd(tested, _values.Count))
            {
                _values.Add(tested);
            }
        }
    }

    public RegisterStep StepOf(Operation operation)
    {
        switch (operation.Kind)
        {
            case OperationKind.Put:
                return new(StepKind.Write, 0, Id(operation.Value));
            case OperationKind.Delete:
                return new(StepKind.Write, 0, RegisterStep.Absent);
            case OperationKind.Get:
                return new(StepKind.Equal, Id(operation.Output), 0);
            case OperationKind.Cas when operation.Output == "false":
                return new(StepKind.Differ, Id(operation.Expect), 0);
            default:
                // Exchanging a value for itself only observes it.
                var (expect, value) = (Id(operation.Expect), Id(operation.Value));
                return new(expect == value ? StepKind.Equal : StepKind.Exchange, expect, value);
        }
    }

    /// <summary>For people.</summary>
    public string Describe(int id) => id switch
    {
        RegisterStep.Absent => "absent",
        Unread => "(a value nobody read or compared with)",
        _ => OperationText.Quote(_values[id]),
    };

    private int Id(string? value) => value is null ? RegisterStep.Absent : _ids.GetValueOrDefault(value, Unread);
}
