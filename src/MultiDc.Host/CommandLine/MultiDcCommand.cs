using System.CommandLine;
using System.CommandLine.Invocation;
using MultiDc.Host.Bench;
using MultiDc.Host.Commands;
using MultiDc.Host.Demo;
using MultiDc.Host.Drills;
using MultiDc.Host.Drills.Shop;
using MultiDc.Host.Loading;
using MultiDc.Host.Running;
using MultiDc.Host.Stores;

namespace MultiDc.Host.CommandLine;

/// <summary>The command <c>multidc</c> with its subcommands, and how it is invoked.</summary>
internal static class MultiDcCommand
{
    /// <summary>A silo has this long to stop before the process ends without it.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(40);

    private const string Description = """
        MultiDc: strongly consistent keys and values over several datacenters, hosted by Microsoft Orleans.

        Try it:
          multidc demo                      three datacenters on this machine; one is killed; the history is judged
          multidc run                       a silo for development, with its data in ./data
          multidc put greeting hello        in another terminal
          multidc get greeting

        Exit codes:
          0    done
          1    get: there is no such key; keyspace show: there is no such keyspace
          2    the command line is wrong
          3    refused: it did not happen and never will (cas: another value; batch: a condition does not hold; too large; no such keyspace; watch: changes not remembered so long)
          4    unknown: the write may have happened or not; read to find out, or repeat it
          5    unavailable: nothing happened, because nothing answered in time; try again
          6    demo, drill: the verdict is a violation
          7    store: the store is damaged
          65   load, demo, batch: the file cannot be read or has bad lines
          69   run: a port is in use, or a service the silo needs does not answer
          70   a bug in multidc
          73   run, demo, store: the data folder cannot be used
          78   the configuration is missing or wrong
          130  interrupted (but not watch, which has no other end)
        """;

    public static RootCommand Create(Surroundings surroundings) => new(Description)
    {
        new Option<bool>("--verbose") { Description = "Show warnings of the libraries, and the stack of unexpected errors.", Recursive = true },
        DemoCommand.Create(),
        DemoSiloCommand.Create(),
        DrillCommand.Create(surroundings),
        DrillPartCommand.Create(),
        CustomersCommand.Create(),
        RunCommand.Create(surroundings),
        GetCommand.Create(surroundings),
        PutCommand.Create(surroundings),
        DeleteCommand.Create(surroundings),
        CasCommand.Create(surroundings),
        AddCommand.Create(surroundings),
        BatchCommand.Create(surroundings),
        ScanCommand.Create(surroundings),
        WatchCommand.Create(surroundings),
        LoadCommand.Create(surroundings),
        BenchCommand.Create(surroundings),
        StatusCommand.Create(surroundings),
        KeyspaceCommand.Create(surroundings),
        StoreCommand.Create(surroundings),
    };

    /// <summary>Parses and runs; every way to fail ends in an exit code and one or a few lines on standard error.</summary>
    public static async Task<int> InvokeAsync(RootCommand root, IReadOnlyList<string> arguments, Surroundings surroundings, CancellationToken cancellationToken = default)
    {
        // Keys and values may begin with '@' or look like bundled options: neither is expanded.
        var parsing = new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null };
        var invocation = new InvocationConfiguration
        {
            Output = surroundings.Out,
            Error = surroundings.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = StopTimeout,
        };
        if (arguments.Count == 0)
        {
            await root.Parse(["--help"], parsing).InvokeAsync(invocation, cancellationToken).ConfigureAwait(false);
            return (int)ExitCode.WrongUsage;
        }

        var parsed = root.Parse(arguments, parsing);
        if (parsed.Action is ParseErrorAction usage)
        {
            usage.ShowHelp = false;
            await parsed.InvokeAsync(invocation, cancellationToken).ConfigureAwait(false);
            await surroundings.Error.WriteLineAsync($"See '{HelpCommandOf(parsed.CommandResult.Command)} --help'.").ConfigureAwait(false);
            return (int)ExitCode.WrongUsage;
        }

        try
        {
            return await parsed.InvokeAsync(invocation, cancellationToken).ConfigureAwait(false);
        }
        catch (CommandException exception)
        {
            await surroundings.Error.WriteLineAsync($"multidc: {exception.Message}").ConfigureAwait(false);
            return (int)exception.ExitCode;
        }
        catch (RowFileException exception)
        {
            await surroundings.Error.WriteLineAsync($"multidc: {exception.Message}").ConfigureAwait(false);
            return (int)ExitCode.BadInputFile;
        }
        catch (OperationCanceledException)
        {
            await surroundings.Error.WriteLineAsync("multidc: interrupted").ConfigureAwait(false);
            return (int)ExitCode.Cancelled;
        }
        catch (Exception exception)
        {
            var verbose = parsed.GetValue<bool>("--verbose");
            await surroundings.Error.WriteLineAsync(verbose
                ? $"multidc: unexpected error: {exception}"
                : $"multidc: unexpected error: {exception.GetType().Name}: {FirstLineOf(exception.Message)} (--verbose tells more)").ConfigureAwait(false);
            return (int)ExitCode.InternalError;
        }
    }

    private static string HelpCommandOf(Command command) => command is RootCommand ? "multidc"
        : command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{HelpCommandOf(parent)} {command.Name}" : command.Name;

    private static string FirstLineOf(string message) => message.Split('\n', 2)[0].TrimEnd();
}
