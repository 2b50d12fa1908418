namespace MultiDc.Simulation;

/// <summary>How the membership of a run's group is changed.</summary>
/// <param name="Pause">The mean time between two attempts; zero: it is not.</param>
/// <param name="JointOneIn">One change in so many takes the joint way even if it need not; zero: none.</param>
/// <param name="WitnessOneIn">One newcomer in so many is a witness; zero: none.</param>
/// <param name="StoppedOneIn">One removed replica in so many is stopped; the others run on and do not know better.</param>
internal sealed record MembershipPlan(TimeSpan Pause, int JointOneIn, int WitnessOneIn, int StoppedOneIn)
{
    public static MembershipPlan Draw(RunRandom random) => new(
        random.OneIn(4) ? TimeSpan.Zero : random.BetweenMilliseconds(3_000, 40_000),
        random.PickOf(0, 2, 4),
        random.PickOf(0, 0, 3),
        random.PickOf(1, 2, 1_000));

    public override string ToString() => Pause == TimeSpan.Zero
        ? "never changed"
        : $"one attempt in {Pause.TotalSeconds:0.0} s, joint one in {JointOneIn}, witness one in {WitnessOneIn}, removed ones stopped one in {StoppedOneIn}";
}
