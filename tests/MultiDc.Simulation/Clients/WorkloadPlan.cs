namespace MultiDc.Simulation;

/// <summary>What the clients of a run do.</summary>
/// <param name="ClientCount">How many there are.</param>
/// <param name="Operations">How many operations they shall have done, together, when the faults stop.</param>
/// <param name="KeyCount">Over how many keys.</param>
/// <param name="PutWeight">How often they put, against the other weights.</param>
/// <param name="GetWeight">How often they get.</param>
/// <param name="DeleteWeight">How often they delete.</param>
/// <param name="CasWeight">How often they compare and set.</param>
/// <param name="IncrementWeight">How often they increment their counter.</param>
/// <param name="LargeValueOneIn">One value in so many is large; zero: none.</param>
/// <param name="BurstOneIn">After one operation in so many a client does not pause; zero: it always does.</param>
/// <param name="Patience">How long a client tries.</param>
/// <param name="PatientOneIn">One client in so many tries for minutes.</param>
/// <param name="AttemptTimeout">How long it waits for one replica.</param>
/// <param name="LullEvery">How often nobody wants anything for a while; zero: never.</param>
/// <param name="Lull">For how long.</param>
internal sealed record WorkloadPlan(
    int ClientCount,
    int Operations,
    int KeyCount,
    int PutWeight,
    int GetWeight,
    int DeleteWeight,
    int CasWeight,
    int IncrementWeight,
    int LargeValueOneIn,
    int BurstOneIn,
    TimeSpan Patience,
    int PatientOneIn,
    TimeSpan AttemptTimeout,
    TimeSpan LullEvery,
    TimeSpan Lull)
{
    /// <summary>What every run must have been asked at least.</summary>
    public const int LeastOperations = 1_000;

    /// <param name="random">Chance.</param>
    /// <param name="silentAfter">After which time the group falls silent: lulls are a little longer. Zero: there are none.</param>
    public static WorkloadPlan Draw(RunRandom random, TimeSpan silentAfter) => new(
        ClientCount: random.Next(4, 13),
        Operations: random.Next(LeastOperations + 100, 2_000),
        KeyCount: random.Next(6, 60),
        PutWeight: random.Next(1, 5),
        GetWeight: random.Next(1, 6),
        DeleteWeight: random.Next(0, 2),
        CasWeight: random.Next(0, 4),
        IncrementWeight: random.Next(1, 4),
        LargeValueOneIn: random.PickOf(0, 0, 20, 100),
        BurstOneIn: random.PickOf(0, 3, 10),
        Patience: random.BetweenMilliseconds(2_000, 15_000),
        PatientOneIn: random.PickOf(2, 4, 1_000),
        AttemptTimeout: random.BetweenMilliseconds(500, 3_000),
        LullEvery: silentAfter > TimeSpan.Zero ? 4 * silentAfter + random.BetweenMilliseconds(10_000, 40_000) : TimeSpan.Zero,
        Lull: silentAfter * (1.5 + random.NextFraction()));

    public override string ToString() =>
        $"{ClientCount} for {Operations} operations on {KeyCount} keys (put {PutWeight}, get {GetWeight}, delete {DeleteWeight}, cas {CasWeight}, increment {IncrementWeight}; "
        + $"large one in {LargeValueOneIn}, burst one in {BurstOneIn}), patience {Patience.TotalSeconds:0.0} s, one in {PatientOneIn} for minutes, attempts {AttemptTimeout.TotalMilliseconds:0} ms"
        + (LullEvery > TimeSpan.Zero ? $", lulls of {Lull.TotalSeconds:0.0} s each {LullEvery.TotalSeconds:0.0} s" : "");
}
