using System.CommandLine;
using System.CommandLine.Parsing;
using MultiDc.Host;
using MultiDc.Host.Bench;
using MultiDc.Host.CommandLine;

namespace MultiDc.Comparison.Commands;

/// <summary>What the commands of all systems share: the load generator's options, the run, the report, and how it ends.</summary>
internal static class SystemCommand
{
    /// <summary>Makes <c>NAME WORKLOAD</c>.</summary>
    /// <param name="name">The system, and the command.</param>
    /// <param name="options">Those of this system.</param>
    /// <param name="scans">Whether it can read keys in order.</param>
    /// <param name="connect">Connects; the second argument is when an operation is given up.</param>
    /// <param name="isTrouble">Exceptions that are no mistake of this program.</param>
    public static Command Create<TTarget>(
        string name, IEnumerable<Option> options, bool scans, Func<ParseResult, TimeSpan, CancellationToken, Task<TTarget>> connect, Func<Exception, bool> isTrouble)
        where TTarget : IBenchTarget, IAsyncDisposable
    {
        var arguments = new BenchArguments();
        var timeout = new Option<double>("--timeout") { Description = "When an operation is given up.", HelpName = "seconds", DefaultValueFactory = static _ => 10 };
        timeout.RequireRange(0.001, 3600, double.TryParse);
        var json = new Option<bool>("--json") { Description = "Report with one JSON object." };
        var command = new Command(name, $"What 'multidc bench' does, to {name}: the same load generator. Exit codes as multidc's.");
        arguments.AddTo(command);
        foreach (var option in options.Concat([timeout, json]))
        {
            command.Add(option);
        }

        if (!scans)
        {
            command.Validators.Add(result =>
            {
                if (result.Children.OfType<ArgumentResult>().Any(static argument => argument.Tokens.Any(static token => token.Value == "ycsb-e")))
                {
                    result.AddError($"ycsb-e scans keys in order, which {name} cannot");
                }
            });
        }

        command.SetAction(async (parsed, stop) =>
        {
            var patience = TimeSpan.FromSeconds(parsed.GetValue(timeout));
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            try
            {
                await using var target = await connect(parsed, patience, stop);
                var report = await new BenchRun(arguments.Of(parsed, patience), target, TimeProvider.System, error.WriteLine).RunAsync(stop);
                if (parsed.GetValue(json))
                {
                    report.WriteJson(output);
                }
                else
                {
                    report.Write(output);
                }

                return (int)(report.IsMeasured ? ExitCode.Done : ExitCode.Unavailable);
            }
            catch (Exception exception) when (exception is CommandException || isTrouble(exception))
            {
                await error.WriteLineAsync($"{name}: {exception.Message}");
                return (int)(exception is CommandException known ? known.ExitCode : ExitCode.Unavailable);
            }
        });
        return command;
    }
}
