using MultiDc.Linearizability;

namespace MultiDc.Simulation;

/// <summary>The clients' whole history is linearizable, with one last read of every key after everything else.</summary>
internal static class LinearizableHistory
{
    public static void Check(SimulatedWorld world)
    {
        switch (LinearizabilityChecker.Check(world.History))
        {
            case Violation violation:
                world.Violations.Report(nameof(LinearizableHistory), violation.Explain());
                break;
            case Undecided undecided:
                world.Violations.Report(nameof(LinearizableHistory), undecided.Explain());
                break;
        }
    }
}
