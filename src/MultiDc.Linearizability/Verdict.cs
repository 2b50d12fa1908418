using System.Text;

namespace MultiDc.Linearizability;

/// <summary>What a check found: <see cref="Linearizable"/>, <see cref="Violation"/> or <see cref="Undecided"/>.</summary>
/// <param name="Steps">Configurations looked at over all keys. The same history always takes the same number.</param>
public abstract record Verdict(long Steps)
{
    /// <summary>The verdict in words, for a person.</summary>
    public abstract string Explain();
}

/// <summary>Every key has an order of its operations that respects real time and explains every answer.</summary>
/// <param name="Operations">How many operations the history has.</param>
/// <param name="Keys">How many keys.</param>
/// <param name="Steps">See <see cref="Verdict"/>.</param>
public sealed record Linearizable(int Operations, int Keys, long Steps) : Verdict(Steps)
{
    /// <inheritdoc/>
    public override string Explain() => $"Linearizable: {Operations} operations on {Keys} keys, {Steps} steps.";
}

/// <summary>Some keys have no such order, whatever became of the operations of unknown outcome.</summary>
/// <param name="Keys">Each of them, by name; at least one.</param>
/// <param name="UndecidedKeys">Keys that took too many steps besides.</param>
/// <param name="Steps">See <see cref="Verdict"/>.</param>
public sealed record Violation(IReadOnlyList<KeyViolation> Keys, IReadOnlyList<string> UndecidedKeys, long Steps) : Verdict(Steps)
{
    /// <summary>The first key in full, the others by name.</summary>
    public override string Explain()
    {
        var text = new StringBuilder(Keys[0].Explain());
        if (Keys.Count > 1)
        {
            text.Append("Violated too: ").AppendLine(KeyNames.List(Keys.Skip(1).Select(k => k.Key)));
        }

        if (UndecidedKeys.Count > 0)
        {
            text.Append("Undecided: ").AppendLine(KeyNames.List(UndecidedKeys));
        }

        return text.ToString();
    }
}

/// <summary>No violation was found, but some keys took more steps than allowed. This is not a pass.</summary>
/// <param name="Keys">Those keys, by name; at least one.</param>
/// <param name="Steps">See <see cref="Verdict"/>.</param>
public sealed record Undecided(IReadOnlyList<string> Keys, long Steps) : Verdict(Steps)
{
    /// <inheritdoc/>
    public override string Explain() =>
        $"UNDECIDED, not a pass: the step budget per key was too small for {KeyNames.List(Keys)}; {Steps} steps in all.";
}

internal static class KeyNames
{
    private const int MostListed = 10;

    public static string List(IEnumerable<string> keys)
    {
        var all = keys.ToArray();
        var listed = string.Join(", ", all.Take(MostListed).Select(OperationText.Quote));
        return all.Length > MostListed ? $"{listed} and {all.Length - MostListed} more" : listed;
    }
}
