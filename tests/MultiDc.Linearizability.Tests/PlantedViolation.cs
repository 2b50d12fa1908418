namespace MultiDc.Linearizability.Tests;

internal static class PlantedViolation
{
    /// <summary>
    /// Where every value is written by one operation only, three reads one after another cannot return a value, another one, and the first again.
    /// Finds three successive gets of one key that returned a, b (neither absent) and anything, and returns the third with a as its output.
    /// </summary>
    public static (int Index, Operation Stale) StaleRead(List<Operation> history, Random random)
    {
        var gets = history.Where(o => o is { Kind: OperationKind.Get, Result: OperationResult.Ok }).ToArray();
        while (true)
        {
            var third = gets[random.Next(gets.Length)];
            var second = gets.FirstOrDefault(o => o.Key == third.Key && o.End < third.Start && third.Start - o.End < 20_000 && o.Output is not null);
            var first = gets.FirstOrDefault(
                o => o.Key == third.Key && o.End < second?.Start && o.Output is not null && o.Output != second.Output && o.Output != third.Output);
            if (first is not null)
            {
                return (history.IndexOf(third), third with { Output = first.Output });
            }
        }
    }
}
