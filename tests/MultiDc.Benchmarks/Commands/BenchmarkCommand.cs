using System.CommandLine;

namespace MultiDc.Benchmarks.Commands;

/// <summary>The command line.</summary>
internal static class BenchmarkCommand
{
    private const string Description = """
        Measures stores through IReplicaStore. Figures are medians of the rounds, with the least and the greatest in brackets; stores take
        turns within a round, so that what else the machine does falls on all of them.

          append     durable appends per second, latency, bytes written per byte of payload; beside a plain file and fdatasync, the limit
          apply      append and apply together, the log compacted behind
          recover    opening after a kill: every replica, every entry, in a new process, from cold files
          state      rows loaded, gets, seeks and scans per second
          memory     resident memory of a process that serves a large state; fails above the limit
          smoke      a little of everything, to see that it works

        Exit codes: 0 measured, 1 an error, or memory above its limit.
        """;

    public static RootCommand Create() => new(Description)
    {
        AppendCommand.Create(),
        ApplyCommand.Create(),
        RecoverCommand.Create(),
        RecoverChildCommand.Create(),
        StateCommand.Create(),
        MemoryCommand.Create(),
        SmokeCommand.Create(),
    };
}
