namespace MultiDc.Simulation;

/// <summary>Which faults may come in a run, how likely each is, and how often one comes. A run knows only some kinds, so that each gets room.</summary>
/// <param name="Weights">By kind; zero: never in this run.</param>
/// <param name="Pause">The mean time between two.</param>
/// <param name="Length">The mean time a fault lasts.</param>
internal sealed record FaultPlan(IReadOnlyList<int> Weights, TimeSpan Pause, TimeSpan Length)
{
    /// <summary>What every run must have suffered at least.</summary>
    public const int LeastFaults = 30;

    public static FaultPlan Draw(RunRandom random)
    {
        var kinds = Enum.GetValues<FaultKind>();
        var compound = random.Branch(1);
        var share = random.PickOf(0.25, 0.5, 0.9);
        var weights = new int[kinds.Length];
        foreach (var kind in kinds)
        {
            // Two in a group of three at once would only show that nothing goes on without a majority.
            weights[(int)kind] = kind is FaultKind.LeaderHearsLate or FaultKind.CutInChange or FaultKind.LeaderPausedAlone ? compound.PickOf(0, 0, 1, 4)
                : random.Chance(share) ? kind is FaultKind.AllPowerLost ? 1 : random.Next(1, 6) : 0;
        }

        weights[(int)random.PickOf(FaultKind.PowerLost, FaultKind.ProcessKilled, FaultKind.LeaderPowerLost)] += 3;
        return new(weights, random.BetweenMilliseconds(7_000, 14_000), random.BetweenMilliseconds(2_000, 12_000));
    }

    public override string ToString() =>
        $"one in {Pause.TotalSeconds:0.0} s for {Length.TotalSeconds:0.0} s: "
        + string.Join(", ", Enum.GetValues<FaultKind>().Where(kind => Weights[(int)kind] > 0).Select(kind => $"{kind} {Weights[(int)kind]}"));
}
