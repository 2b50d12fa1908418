namespace MultiDc.Comparison.Results;

/// <summary>The turns of all systems in one cell.</summary>
internal sealed record ComparedCell(Cell Cell, IReadOnlyDictionary<string, IReadOnlyList<TurnFigures>> Systems)
{
    /// <summary>What others are compared with.</summary>
    public const string Yardstick = "etcd";

    private static readonly string[] Workloads = ["put", "get", "ycsb-a", "ycsb-b", "ycsb-c", "ycsb-f", "ping"];
    private static readonly string[] Order = [Yardstick, "multidc"];

    /// <summary>In the order of a table.</summary>
    public static IReadOnlyList<ComparedCell> Of(IEnumerable<Turn> turns) =>
    [
        .. turns.GroupBy(static turn => turn.Cell)
            .OrderBy(static cell => cell.Key.Network, StringComparer.Ordinal).ThenBy(static cell => Array.IndexOf(Workloads, cell.Key.Workload)).ThenBy(static cell => cell.Key.Clients)
            .Select(static cell => new ComparedCell(
                cell.Key, cell.GroupBy(static turn => turn.System).ToDictionary(static system => system.Key, static IReadOnlyList<TurnFigures> (system) => [.. system.Select(static turn => turn.Figures)]))),
    ];

    /// <summary>The yardstick first.</summary>
    public IEnumerable<string> Names => Systems.Keys.OrderBy(static name => Array.IndexOf(Order, name) is >= 0 and var place ? place : Order.Length).ThenBy(static name => name, StringComparer.Ordinal);

    /// <summary>The median over a system's turns; null when it was not told in all of them.</summary>
    public double? Median(string system, Func<TurnFigures, double?> figure)
    {
        if (!Systems.TryGetValue(system, out var turns) || turns.Any(turn => figure(turn) is null))
        {
            return null;
        }

        var values = turns.Select(turn => figure(turn)!.Value).Order().ToArray();
        return values.Length % 2 == 1 ? values[values.Length / 2] : (values[(values.Length / 2) - 1] + values[values.Length / 2]) / 2;
    }

    /// <summary>A system's median to the yardstick's; null when one of them has none.</summary>
    public double? Ratio(string system, Func<TurnFigures, double?> figure) => Median(system, figure) / Median(Yardstick, figure) is { } ratio && double.IsFinite(ratio) ? ratio : null;
}
