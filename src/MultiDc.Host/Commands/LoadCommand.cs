using System.CommandLine;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Loading;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc load FILE --key COLUMN</c></summary>
internal static class LoadCommand
{
    private const int DefaultConcurrency = 32;
    private const int MaxConcurrency = 1024;
    private const int MaxProblemsTold = 20;
    private static readonly TimeSpan ProgressPeriod = TimeSpan.FromMilliseconds(250);

    public static Command Create(Surroundings surroundings)
    {
        var file = new Argument<string>("FILE") { Description = "CSV with a header line (.csv, .tsv), or one JSON object per line (.jsonl, .ndjson)." };
        var key = new Option<string>("--key") { Description = "The column whose content is the key.", HelpName = "column", Required = true };
        var format = new Option<string?>("--format") { Description = "The format, when the file's name does not tell it.", HelpName = "csv|jsonl" };
        format.AcceptOnlyFromAmong("csv", "jsonl");
        var delimiter = new Option<string?>("--delimiter") { Description = "What separates CSV columns: one character, or 'tab'. Default: a comma; in .tsv a tab", HelpName = "character" };
        delimiter.Validators.Add(static result =>
        {
            if (result.Tokens is [{ Value: not "tab" and not { Length: 1 } }])
            {
                result.AddError("--delimiter must be one character or 'tab'");
            }
        });
        var onBadLine = new Option<string>("--on-bad-line")
        {
            Description = "stop: check the whole file first and load nothing if any line is bad. skip: tell bad lines and load the others.",
            HelpName = "stop|skip",
            DefaultValueFactory = static _ => "stop",
        };
        onBadLine.AcceptOnlyFromAmong("stop", "skip");
        var concurrency = new Option<int>("--concurrency")
        {
            Description = "How many rows are written at once.",
            HelpName = "count",
            DefaultValueFactory = static _ => DefaultConcurrency,
        };
        concurrency.RequireRange(1, MaxConcurrency, int.TryParse);
        var keyspace = ClientCommand.KeyspaceOption();
        return new Command("load", "Write every row of a file: its key column is the key, the whole row as JSON is the value. Of rows with the same key the last wins. Loading a file again is harmless.")
        {
            file, key, format, delimiter, onBadLine, concurrency, keyspace,
        }.Connected(surroundings, parsed =>
        {
            var stopOnBadLine = parsed.GetValue(onBadLine) == "stop";
            var rows = new RowFile(parsed.GetRequiredValue(file), new()
            {
                KeyColumn = parsed.GetRequiredValue(key),
                Format = parsed.GetValue(format) switch { "csv" => RowFormat.Csv, "jsonl" => RowFormat.JsonLines, _ => null },
                Delimiter = parsed.GetValue(delimiter) switch { null => null, "tab" => '\t', var text => text[0] },
            });
            var total = Check(rows, surroundings.Error, stopOnBadLine);
            return async (work, cancellationToken) =>
            {
                var loader = new RowLoader(work.Client, parsed.GetRequiredValue(keyspace), work.Timeout, parsed.GetValue(concurrency));
                var progress = new LoadProgress(surroundings, total, ProgressPeriod);
                var summary = await loader.LoadAsync(
                    rows.ReadLines(), problem => surroundings.Error.WriteLine(rows.Describe(problem)), () => progress.Show(loader.Loaded), cancellationToken).ConfigureAwait(false);
                progress.End();
                return Conclude(work.Results, rows, summary, stopOnBadLine, surroundings.Error, cancellationToken);
            };
        });
    }

    /// <summary>With stop: reads the whole file, and ends the command if any line is bad. Returns the number of rows, if it is known.</summary>
    private static long? Check(RowFile file, TextWriter error, bool stopOnBadLine)
    {
        // Even when bad lines are passed over, a file without a usable header is told before anything is connected.
        var (rows, problems) = (0L, 0L);
        foreach (var line in stopOnBadLine ? file.ReadLines() : file.ReadLines().Take(1).Where(static l => l is RowProblem { EndsFile: true }))
        {
            if (line is not RowProblem problem)
            {
                rows++;
            }
            else if (++problems <= MaxProblemsTold)
            {
                error.WriteLine(file.Describe(problem));
            }
        }

        return problems > 0
            ? throw new CommandException(ExitCode.BadInputFile, problems > MaxProblemsTold
                ? $"nothing was loaded: {file.Path} has {problems} bad lines, of which the first {MaxProblemsTold} are told above"
                : $"nothing was loaded: {file.Path} has {problems} bad line{(problems == 1 ? "" : "s")}, told above")
            : stopOnBadLine ? rows : null;
    }

    private static ExitCode Conclude(IResultWriter results, RowFile file, LoadSummary summary, bool stopOnBadLine, TextWriter error, CancellationToken cancellationToken)
    {
        results.Loaded(summary);
        if (cancellationToken.IsCancellationRequested)
        {
            error.WriteLine("multidc: interrupted; loading the file again is harmless");
            return ExitCode.Cancelled;
        }

        if (summary.FirstFailure is var (row, result))
        {
            error.WriteLine($"{file.Path}:{row.LineNumber}: key '{row.Key}' was not loaded: {(result is Rejected rejected ? rejected.Detail : ((Unknown)result).Detail)}");
            return summary.Unknown > 0 ? ExitCode.UnknownOutcome : Outcomes.ExitCodeOf(result);
        }

        return summary.EndedBy is not null || (stopOnBadLine && summary.Skipped > 0) ? ExitCode.BadInputFile : ExitCode.Done;
    }
}
