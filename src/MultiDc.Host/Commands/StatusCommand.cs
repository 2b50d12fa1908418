using System.CommandLine;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc status</c></summary>
internal static class StatusCommand
{
    private const string Unreachable = "unreachable";

    public static Command Create(Surroundings surroundings) =>
        new Command("status", "Print the ring and what every replica of every shard says of itself. Ends with 5 when none answers.")
            .Connected(surroundings, _ => async (work, cancellationToken) =>
            {
                var replicas = await work.Client.GetStatusAsync(cancellationToken).ConfigureAwait(false);
                var ring = await work.Client.GetRingAsync(cancellationToken).ConfigureAwait(false);
                work.Results.Status(ring, replicas);
                return ring is null && replicas.All(static r => r.State == Unreachable) ? ExitCode.Unavailable : ExitCode.Done;
            });
}
