using System.Diagnostics;

namespace MultiDc.Host.Drills;

/// <summary>
/// A process that a drill starts in the network of a datacenter, as a web app's would be. It is told what to do by lines on its standard input, answers
/// each with a line when that is done, and ends with its input: <see cref="FollowOrdersAsync"/> is what it runs.
/// </summary>
internal sealed class DrillProcess : IDisposable
{
    private const char Separator = '\t';

    private readonly Process process;
    private readonly string name;
    private readonly Task<string> complaints;

    private DrillProcess(Process process, string name)
    {
        this.process = process;
        this.name = name;
        complaints = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Its id, as everybody on this machine knows it.</summary>
    public int Id => process.Id;

    /// <summary>Starts this executable once more.</summary>
    /// <param name="system">Where.</param>
    /// <param name="datacenter">In whose network.</param>
    /// <param name="command">What it is to run, with arguments.</param>
    public static DrillProcess Start(LocalSystem system, string datacenter, params string[] command) =>
        new(system.StartIn(datacenter, [.. ThisProgram, .. command]), $"{command[0]} in {datacenter}");

    /// <summary>Gives an order and waits until it is carried out.</summary>
    /// <param name="order">The order and what it takes, separated by spaces.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>What it told besides.</returns>
    public async Task<string> OrderAsync(string order, CancellationToken stop)
    {
        await process.StandardInput.WriteLineAsync(order.AsMemory(), stop);
        await process.StandardInput.FlushAsync(stop);
        var answer = await process.StandardOutput.ReadLineAsync(stop);
        return answer?.Split(Separator, 2) is [var done, var told] && done == order
            ? told
            : throw new DrillFailedException($"{name} did not carry out '{order}' but said '{answer}': {(process.HasExited ? (await complaints).Trim() : "")}");
    }

    /// <summary>The other side: carries out orders until there are no more.</summary>
    /// <param name="obey">Carries out one, given as its words, and tells in one line what there is to tell; null: there is no such order.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task FollowOrdersAsync(Func<string[], Task<string?>> obey, CancellationToken stop)
    {
        while (await Console.In.ReadLineAsync(stop) is { } order)
        {
            var told = await obey(order.Split(' ')) ?? throw new CommandLine.CommandException(ExitCode.WrongUsage, $"'{order}' is no order");
            Console.WriteLine($"{order}{Separator}{told}");
        }
    }

    public void Dispose()
    {
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        process.Dispose();
    }

    private static string[] ThisProgram
    {
        get
        {
            var executable = Environment.ProcessPath ?? throw new DrillFailedException("the path of this executable is not known");
            return Path.GetFileNameWithoutExtension(executable) == "dotnet" ? [executable, typeof(DrillProcess).Assembly.Location] : [executable];
        }
    }
}
