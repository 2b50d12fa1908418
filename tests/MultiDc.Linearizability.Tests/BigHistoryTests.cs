using System.Diagnostics;
using Xunit.Abstractions;

namespace MultiDc.Linearizability.Tests;

public class BigHistoryTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, Workload> Workloads = new()
    {
        ["200 keys, 32 clients"] = new()
        {
            Operations = 20_000, Clients = 32, Keys = 200, UnknownPercent = 2, PutWeight = 30, GetWeight = 40, DeleteWeight = 5, CasWeight = 25,
        },
        ["hot counter"] = new() { Operations = 3000, Clients = 12, UnknownPercent = 2, GetWeight = 40, CasWeight = 60, IsCounter = true },
        ["hot key, everything"] = new()
        {
            Operations = 3000, Clients = 12, UnknownPercent = 2, PutWeight = 25, GetWeight = 40, DeleteWeight = 5, CasWeight = 30,
        },
        ["hot key, mostly blind writes, always busy"] = new()
        {
            Operations = 3000, Clients = 32, UnknownPercent = 1, PutWeight = 85, GetWeight = 10, DeleteWeight = 5, LongestPause = 1,
        },
        ["hot key, five values"] = new()
        {
            Operations = 2000, Clients = 12, UnknownPercent = 1, PutWeight = 20, GetWeight = 45, DeleteWeight = 5, CasWeight = 30, DistinctValues = 5,
        },
    };

    public static TheoryData<string, int> Cases => CasesOf(_ => true);

    public static TheoryData<string, int> CasesWithNewValues => CasesOf(w => w.DistinctValues == 0);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Accepts_what_atomic_registers_did(string name, int seed)
    {
        var verdict = Check(SimulatedRegisters.Run(Workloads[name], seed));
        Assert.True(verdict is Linearizable, verdict.Explain());
        Assert.InRange(verdict.Steps, 1, 50_000);
    }

    [Theory]
    [MemberData(nameof(CasesWithNewValues))]
    public void Rejects_one_stale_read_in_it(string name, int seed)
    {
        var history = SimulatedRegisters.Run(Workloads[name], seed);
        var (index, stale) = PlantedViolation.StaleRead(history, new Random(seed));
        history[index] = stale;
        AssertViolatesOnly(stale.Key, Check(history));
    }

    // The search must have looked at everything before the last read.
    [Theory]
    [MemberData(nameof(Cases))]
    public void Rejects_a_last_read_of_a_value_nobody_wrote(string name, int seed)
    {
        var history = SimulatedRegisters.Run(Workloads[name], seed);
        var index = history.FindLastIndex(o => o is { Kind: OperationKind.Get, Result: OperationResult.Ok });
        history[index] = history[index] with { Output = "never" };
        AssertViolatesOnly(history[index].Key, Check(history));
    }

    private static void AssertViolatesOnly(string key, Verdict verdict)
    {
        var violation = Assert.IsType<Violation>(verdict);
        Assert.Equal(key, Assert.Single(violation.Keys).Key);
    }

    // Steps are what is asserted; the time is only told.
    private Verdict Check(List<Operation> history)
    {
        var watch = Stopwatch.StartNew();
        var verdict = LinearizabilityChecker.Check(history, new() { StepBudgetPerKey = 2_000_000 });
        output.WriteLine($"{history.Count} operations: {verdict.GetType().Name}, {verdict.Steps} steps, {watch.ElapsedMilliseconds} ms");
        return verdict;
    }

    private static TheoryData<string, int> CasesOf(Func<Workload, bool> isWanted)
    {
        var cases = new TheoryData<string, int>();
        foreach (var (name, workload) in Workloads.Where(w => isWanted(w.Value)))
        {
            for (var seed = 1; seed <= 4; seed++)
            {
                cases.Add(name, seed);
            }
        }

        return cases;
    }
}
