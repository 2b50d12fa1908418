namespace MultiDc.Simulation;

/// <summary>A run found something that must never be.</summary>
/// <param name="check">Which check, by the name of its file.</param>
/// <param name="detail">What was seen.</param>
internal sealed class SafetyViolationException(string check, string detail) : Exception($"{check}: {detail}")
{
    public string Check { get; } = check;
}
