using System.CommandLine;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Commands;

namespace MultiDc.Host.Bench;

/// <summary><c>multidc bench WORKLOAD</c></summary>
internal static class BenchCommand
{
    public static Command Create(Surroundings surroundings)
    {
        var arguments = new BenchArguments();
        var keyspace = ClientCommand.KeyspaceOption();
        var command = new Command(
            "bench",
            $"Measure throughput, latency and what servers and client use for it. Writes keys that begin with '{BenchData.Prefix}' and leaves them. Ends with 5 when nothing was done.");
        arguments.AddTo(command);
        command.Add(keyspace);
        return command.Connected(surroundings, parsed => async (work, cancellationToken) =>
        {
            var target = new MultiDcTarget(work.Client, work.Links, parsed.GetRequiredValue(keyspace), work.Timeout);
            var report = await new BenchRun(arguments.Of(parsed, work.Timeout), target, surroundings.Time, surroundings.Error.WriteLine).RunAsync(cancellationToken).ConfigureAwait(false);
            work.Results.Benched(report);
            return report.IsMeasured ? ExitCode.Done : ExitCode.Unavailable;
        });
    }
}
