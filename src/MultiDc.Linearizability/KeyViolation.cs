using System.Text;

namespace MultiDc.Linearizability;

/// <summary>Why one key is not linearizable.</summary>
/// <remarks>
/// The prefix is exact: everything that had returned before <see cref="Stuck"/> did can be ordered, and once Stuck returned no order of
/// what had started by then is left. Nothing later takes part.
/// </remarks>
public sealed record KeyViolation
{
    private const int MostListed = 6;

    /// <summary>The key.</summary>
    public required string Key { get; init; }

    /// <summary>How many operations on the key the history has.</summary>
    public required int Operations { get; init; }

    /// <summary>The first operation, by end, whose answer nothing explains.</summary>
    public required Operation Stuck { get; init; }

    /// <summary>What the register could hold when Stuck had to take effect, over all orders, in words.</summary>
    public required IReadOnlyList<string> PossibleValues { get; init; }

    /// <summary>One of the longest orders that explain everything before Stuck.</summary>
    public required IReadOnlyList<PlacedOperation> Prefix { get; init; }

    /// <summary>Operations that overlap Stuck and are not in <see cref="Prefix"/>: they may have come later.</summary>
    public required IReadOnlyList<Operation> Unplaced { get; init; }

    /// <summary>The writes of the whole history, failed and unknown ones too, of the value Stuck needs; empty if it needs none in particular.</summary>
    public required IReadOnlyList<Operation> WritesOfNeededValue { get; init; }

    /// <summary>About twenty lines for somebody woken up by it.</summary>
    public string Explain()
    {
        var text = new StringBuilder();
        text.AppendLine($"NOT LINEARIZABLE: key {OperationText.Quote(Key)}, {Operations} operations. Nothing explains this answer:");
        text.AppendLine($"  {OperationText.Line(Stuck)}");
        text.AppendLine($"When it had to take effect the key could only be: {PossibleValuesText()}.");
        AppendWrites(text);
        AppendPrefix(text);
        if (Unplaced.Count > 0)
        {
            text.AppendLine("Running at the same time and not needed before it:");
            AppendLines(text, Unplaced);
        }

        return text.ToString();
    }

    private string PossibleValuesText() =>
        string.Join(" or ", PossibleValues.Take(MostListed)) + (PossibleValues.Count > MostListed ? $" or {PossibleValues.Count - MostListed} others" : "");

    private void AppendWrites(StringBuilder text)
    {
        var needed = Stuck.Kind == OperationKind.Get ? Stuck.Output : Stuck.Expect;
        if (Stuck is { Kind: OperationKind.Cas, Output: "false" })
        {
            text.AppendLine($"It answered false, so the key must have been something other than {OperationText.Quote(needed)}.");
        }
        else if (WritesOfNeededValue.Count == 0)
        {
            text.AppendLine($"It needs {OperationText.Quote(needed)}, which no operation of the whole history wrote.");
        }
        else
        {
            text.AppendLine($"It needs {OperationText.Quote(needed)}, which was written by:");
            AppendLines(text, WritesOfNeededValue);
        }
    }

    private void AppendPrefix(StringBuilder text)
    {
        if (Prefix.Count == 0)
        {
            text.AppendLine("No operation had to come before it.");
            return;
        }

        text.AppendLine($"All that returned before it can be ordered. One such order of {Prefix.Count} operations ends:");
        foreach (var placed in Prefix.Skip(Prefix.Count - MostListed))
        {
            text.AppendLine($"  {OperationText.Line(placed.Operation)}{(placed.Unseen ? " (overwritten, seen by nobody)" : "")}");
        }
    }

    private static void AppendLines(StringBuilder text, IReadOnlyList<Operation> operations)
    {
        foreach (var operation in operations.Take(MostListed))
        {
            text.AppendLine($"  {OperationText.Line(operation)}");
        }

        if (operations.Count > MostListed)
        {
            text.AppendLine($"  and {operations.Count - MostListed} more");
        }
    }
}

/// <summary>An operation in an order.</summary>
/// <param name="Operation">Which.</param>
/// <param name="Unseen">It is a write that another overwrote before anybody saw it, so its place is anywhere earlier among the operations it overlaps.</param>
public readonly record struct PlacedOperation(Operation Operation, bool Unseen);
