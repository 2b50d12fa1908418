using MultiDc.Comparison.Processes;

namespace MultiDc.Comparison.Tests;

/// <summary>What /proc tells, to the letter.</summary>
public sealed class ServerProcessTests
{
    [Theory]
    [InlineData("4711 (postgres) S 12 4711 4711 0 -1 4194560 4921 0 0 0 70 30 5 6 20 0 1 0 156", 4711, 12, 100, 11)]
    [InlineData("8 (a) b (c d) R 7 8 8 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 1", 8, 7, 3, 7)]
    public void A_line_is_read(string line, int id, int parent, long ownTicks, long endedChildrenTicks) =>
        Assert.Equal(new(id, parent, ownTicks, endedChildrenTicks), ServerProcess.Parse(line));

    [Fact]
    public void Children_count_those_that_ended_too_and_strangers_do_not()
    {
        ProcessStat[] all = [new(10, 1, 100, 20), new(11, 10, 7, 0), new(12, 10, 3, 50), new(13, 1, 9_000, 0), new(14, 11, 9_000, 0)];
        Assert.Equal(TimeSpan.FromSeconds(1.8), ServerProcess.ProcessorTimeOf(10, all));
        Assert.Throws<InvalidOperationException>(() => ServerProcess.ProcessorTimeOf(15, all));
    }

    [Fact]
    public void This_process_has_used_something() => Assert.True(ServerProcess.ReadProcessorTime(Environment.ProcessId) > TimeSpan.Zero);
}
