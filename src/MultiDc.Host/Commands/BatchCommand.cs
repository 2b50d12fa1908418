using System.CommandLine;
using System.Text;
using MultiDc.Grains;
using MultiDc.Host.Batches;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc batch [FILE] [--if CONDITION] [--then OPERATION] [--else OPERATION]</c></summary>
internal static class BatchCommand
{
    private const string Description = """
        Carry out several operations as one: if all conditions hold, the operations behind 'then', else those behind 'else', whole, at one revision. All keys
        must be in one shard: give them a common {tag}. The first line of the answer tells the branch, and each further one what an operation came to.
        Ends with 3 if a condition does not hold and there is no else.

          multidc batch --if 'value {o}state = new' --then 'put {o}state paid' --then 'add {o}count 1' --else 'get {o}state'

        Conditions: exists KEY, absent KEY, value KEY = VALUE; version KEY, created KEY or modified KEY with =, < or > and a number.
        Operations: get KEY, put KEY VALUE, delete KEY, add KEY NUMBER, append KEY VALUE, max KEY NUMBER.
        In a file each line is one of these behind if, then or else; # begins a comment. Words with spaces stand in double quotes.
        """;

    public static Command Create(Surroundings surroundings)
    {
        var file = new Argument<string?>("FILE") { Description = "A file of such lines, or '-' for standard input. What the options say comes behind it.", Arity = ArgumentArity.ZeroOrOne };
        var conditions = Statements("--if", "A condition.", "condition", BatchSection.If);
        var then = Statements("--then", "What to do if all conditions hold.", "operation", BatchSection.Then);
        var otherwise = Statements("--else", "What to do if not.", "operation", BatchSection.Else);
        var keyspace = ClientCommand.KeyspaceOption();
        var session = ReadLevelOption.CreateSession();
        var command = new Command("batch", Description) { file, conditions, then, otherwise, keyspace, session };
        return command.Connected(surroundings, parsed =>
        {
            var script = new BatchScript();
            if (parsed.GetValue(file) is { } path)
            {
                Read(script, path, surroundings);
            }

            foreach (var (section, option) in new[] { (BatchSection.If, conditions), (BatchSection.Then, then), (BatchSection.Else, otherwise) })
            {
                foreach (var statement in parsed.GetValue(option) ?? [])
                {
                    script.Add(section, statement);
                }
            }

            var batch = Check(script);
            return async (work, cancellationToken) =>
            {
                var own = parsed.GetValue(session);
                var result = await work.ClientIn(own).WriteAsync(parsed.GetRequiredValue(keyspace), batch, work.Remaining, cancellationToken).ConfigureAwait(false);
                work.Results.Batch(batch, result, own?.Token);
                return Outcomes.ExitCodeOf(batch, result);
            };
        });
    }

    private static Option<string[]> Statements(string name, string description, string form, BatchSection section)
    {
        var option = new Option<string[]>(name) { Description = $"{description} May be given several times.", HelpName = form, Arity = ArgumentArity.OneOrMore, AllowMultipleArgumentsPerToken = false };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                try
                {
                    new BatchScript().Add(section, token.Value);
                }
                catch (BatchStatementException exception)
                {
                    result.AddError($"{name}: {exception.Message}");
                }
            }
        });
        return option;
    }

    private static void Read(BatchScript script, string path, Surroundings surroundings)
    {
        var number = 0;
        try
        {
            // What is no UTF-8 would reach the store as something else.
            using var lines = new StreamReader(path == "-" ? surroundings.In : File.OpenRead(path), new UTF8Encoding(false, true));
            while (lines.ReadLine() is { } line)
            {
                number++;
                script.AddLine(line);
            }
        }
        catch (BatchStatementException exception)
        {
            throw new CommandException(ExitCode.BadInputFile, $"{(path == "-" ? "standard input" : path)}:{number}: {exception.Message}");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or DecoderFallbackException)
        {
            throw new CommandException(ExitCode.BadInputFile, $"{path} cannot be read: {(exception is DecoderFallbackException ? "it is not UTF-8" : exception.Message)}");
        }
    }

    private static BatchOperation Check(BatchScript script)
    {
        if (script.IsEmpty)
        {
            throw new CommandException(ExitCode.WrongUsage, "the batch is empty: give a FILE, '-' for standard input, or --then and the like");
        }

        var batch = script.ToBatch();
        return OperationLimits.DescribeProblem(batch) is { } problem ? throw new CommandException(ExitCode.Rejected, problem) : batch;
    }
}
