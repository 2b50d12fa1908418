using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using MultiDc.Host.CommandLine;
using MultiDc.Host.Output;
using MultiDc.Ring;

namespace MultiDc.Host.Commands;

/// <summary><c>multidc keyspace create|list|show|alter|drop</c></summary>
internal static class KeyspaceCommand
{
    public static Command Create(Surroundings surroundings) => new("keyspace", "Create, look at, alter and drop keyspaces.")
    {
        CreateCommand(surroundings),
        ListCommand(surroundings),
        ShowCommand(surroundings),
        AlterCommand(surroundings),
        DropCommand(surroundings),
    };

    private static Command CreateCommand(Surroundings surroundings)
    {
        var name = NameArgument();
        var shards = ShardsOption();
        var splits = SplitOption();
        var replicas = ReplicasOption();
        var policy = new PolicyOptions();
        var command = new Command("create", "Create a keyspace; done also when the same one is there. Shards, split points and replicas are for good.") { name, shards, splits, replicas };
        policy.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(shards) is { Implicit: false } && result.GetResult(splits) is { Implicit: false })
            {
                result.AddError("give either --shards, of hashed keys, or --split, of ranges of keys");
            }
        });
        return command.Connected(surroundings, parsed => async (work, cancellationToken) =>
        {
            var keyspace = parsed.GetResult(splits) is { Implicit: false }
                ? KeyspaceDescriptor.OfRanges(parsed.GetRequiredValue(name), parsed.GetValue(splits) ?? [])
                : new KeyspaceDescriptor(parsed.GetRequiredValue(name), parsed.GetValue(shards) ?? 8, default);
            if (parsed.GetValue(replicas) is { Length: > 0 } counts)
            {
                keyspace = keyspace with { Datacenters = [.. counts.Select(static at => at.Datacenter)], Replicas = [.. counts.Select(static at => at.Count)] };
            }

            var result = await work.Client.CreateKeyspaceAsync(policy.ChangeOf(parsed).ApplyTo(keyspace), cancellationToken).ConfigureAwait(false);
            work.Results.KeyspaceChanged(keyspace.Name, result);
            return Outcomes.ExitCodeOf(result);
        });
    }

    private static Command ListCommand(Surroundings surroundings) => new Command("list", "Print all keyspaces. Ends with 5 when no datacenter tells them.")
        .Connected(surroundings, _ => async (work, cancellationToken) =>
        {
            if (await work.Client.ListKeyspacesAsync(cancellationToken).ConfigureAwait(false) is not { } keyspaces)
            {
                throw new CommandException(ExitCode.Unavailable, "no datacenter tells its keyspaces");
            }

            work.Results.Keyspaces(keyspaces);
            return ExitCode.Done;
        });

    private static Command ShowCommand(Surroundings surroundings)
    {
        var name = NameArgument();
        return new Command("show", "Print one keyspace. Ends with 1 when there is none of that name.") { name }
            .Connected(surroundings, parsed => async (work, cancellationToken) =>
            {
                if (await work.Client.ListKeyspacesAsync(cancellationToken).ConfigureAwait(false) is not { } keyspaces)
                {
                    throw new CommandException(ExitCode.Unavailable, "no datacenter tells its keyspaces");
                }

                if (keyspaces.FirstOrDefault(keyspace => keyspace.Name == parsed.GetRequiredValue(name)) is not { } found)
                {
                    throw new CommandException(ExitCode.KeyNotFound, $"there is no keyspace '{parsed.GetRequiredValue(name)}'");
                }

                work.Results.Keyspaces([found]);
                return ExitCode.Done;
            });
    }

    private static Command AlterCommand(Surroundings surroundings)
    {
        var name = NameArgument();
        var shards = ShardsOption();
        var splits = SplitOption();
        var replicas = ReplicasOption();
        var policy = new PolicyOptions();
        var command = new Command("alter", "Change what can be changed of a keyspace; what is not named stays.") { name, shards, splits, replicas };
        policy.AddTo(command);
        shards.Hidden = splits.Hidden = replicas.Hidden = true;
        return command.Connected(surroundings, parsed =>
        {
            if (parsed.GetResult(shards) is { Implicit: false } || parsed.GetResult(splits) is { Implicit: false })
            {
                throw new CommandException(ExitCode.Rejected, "how many shards a keyspace has, and where they are split, is for good: their keys would have to move. Create another keyspace");
            }

            if (parsed.GetResult(replicas) is { Implicit: false })
            {
                throw new CommandException(ExitCode.Rejected, "where a keyspace has its replicas, and how many, is for good. Create another keyspace");
            }

            return async (work, cancellationToken) =>
            {
                var result = await work.Client.AlterKeyspaceAsync(parsed.GetRequiredValue(name), policy.ChangeOf(parsed), cancellationToken).ConfigureAwait(false);
                work.Results.KeyspaceChanged(parsed.GetRequiredValue(name), result);
                return Outcomes.ExitCodeOf(result);
            };
        });
    }

    private static Command DropCommand(Surroundings surroundings)
    {
        var name = NameArgument();
        var yes = new Option<bool>("--yes", "-y") { Description = "Do not ask for the name once more." };
        var command = new Command("drop", "Drop a keyspace with all that is in it, for good. On a terminal its name is asked for once more; anywhere else --yes is needed.") { name, yes };
        return command.Connected(surroundings, parsed =>
        {
            var keyspace = parsed.GetRequiredValue(name);
            if (!parsed.GetValue(yes))
            {
                RequireConfirmation(surroundings, keyspace);
            }

            return async (work, cancellationToken) =>
            {
                var result = await work.Client.DropKeyspaceAsync(keyspace, cancellationToken).ConfigureAwait(false);
                work.Results.KeyspaceChanged(keyspace, result);
                return Outcomes.ExitCodeOf(result);
            };
        });
    }

    private static void RequireConfirmation(Surroundings surroundings, string keyspace)
    {
        if (!surroundings.ErrorIsTerminal)
        {
            throw new CommandException(ExitCode.WrongUsage, $"this drops keyspace '{keyspace}' with all that is in it, for good: give --yes if that is what you want");
        }

        surroundings.Error.Write($"This drops keyspace '{keyspace}' with all that is in it, for good. Type its name to go on: ");
        using var typed = new StreamReader(surroundings.In, Encoding.UTF8, leaveOpen: true);
        if (typed.ReadLine()?.Trim() != keyspace)
        {
            throw new CommandException(ExitCode.Cancelled, "that is not its name: nothing was dropped");
        }
    }

    private static Argument<string> NameArgument() => new("NAME") { Description = $"The keyspace: {Names.Rule}." };

    private static Option<int?> ShardsOption()
    {
        var shards = new Option<int?>("--shards", "-s") { Description = "How many shards keys are spread over by their hashes. Default: 8.", HelpName = "count" };
        shards.RequireRange(1, KeyspaceDescriptor.MaxShardCount, int.TryParse);
        return shards;
    }

    private static Option<ReadOnlyMemory<byte>[]?> SplitOption() => new("--split")
    {
        Description = "Make each shard a range of keys, split before these: first keys of the second and each further shard, ascending. '' makes one shard.",
        HelpName = "key,key...",
        CustomParser = static result => [.. result.Tokens[0].Value.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static key => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(key))],
    };

    private static Option<(DatacenterId Datacenter, int Count)[]?> ReplicasOption() => new("--replicas")
    {
        Description = "Its datacenters, and how many replicas of each shard each of them has, on as many silos. Default: one in every datacenter.",
        HelpName = "dc=n,dc=n...",
        CustomParser = static result =>
        {
            var counts = new SortedDictionary<DatacenterId, int>();
            foreach (var part in result.Tokens[0].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (part.Split('=') is not [var name, var text] || !Names.IsDatacenter(name) || !int.TryParse(text, out var count) || !counts.TryAdd(new(name), count))
                {
                    result.AddError($"--replicas: '{part}' is no datacenter with a number, as in dc1=2, or names one twice");
                    return null;
                }
            }

            return [.. counts.Select(static at => (at.Key, at.Value))];
        },
    };

    /// <summary>What can be given to a new keyspace and altered of an old one.</summary>
    private sealed class PolicyOptions
    {
        private readonly Option<string?> leaders = new("--leaders")
        {
            Description = "Datacenters where its leaders should be, best first; '' leaves them where the silos' configuration has them.", HelpName = "dc,dc...",
        };

        private readonly Option<ReadDefault?> read = new("--read")
        {
            Description = $"The level of reads that name none: {ReadDefault.Forms}.",
            HelpName = "level",
            CustomParser = static result =>
            {
                if (ReadDefault.TryParse(result.Tokens[0].Value, out var level))
                {
                    return level;
                }

                result.AddError($"--read: '{result.Tokens[0].Value}' is none of {ReadDefault.Forms}");
                return null;
            },
        };

        private readonly Option<int?> maxValue = new("--max-value") { Description = $"The most bytes of a value; {KeyLimits.MaxValueBytes} is the most that can be.", HelpName = "bytes" };

        private readonly Option<long?> maxShard = new("--max-shard-bytes")
        {
            Description = "The most bytes of keys and values that each shard should hold; a full one takes deletions only. 0 takes the limit away.", HelpName = "bytes",
        };

        private readonly Option<SurvivalGoal?> survives = new("--survives")
        {
            Description = "What it must outlive: silo or datacenter. Refused when it cannot.", HelpName = "what",
        };

        public void AddTo(Command command)
        {
            maxValue.RequireRange(1, KeyLimits.MaxValueBytes, int.TryParse);
            command.Add(leaders);
            command.Add(read);
            maxShard.RequireRange(0, long.MaxValue, long.TryParse);
            command.Add(maxValue);
            command.Add(maxShard);
            command.Add(survives);
        }

        public KeyspaceChange ChangeOf(ParseResult parsed) => new()
        {
            PreferredLeaders = parsed.GetValue(leaders) is { } names
                ? [.. names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(static name => new DatacenterId(name))]
                : default(ImmutableArray<DatacenterId>),
            ReadDefault = parsed.GetValue(read),
            MaxValueBytes = parsed.GetValue(maxValue),
            MaxShardBytes = parsed.GetValue(maxShard),
            Survives = parsed.GetValue(survives),
        };
    }
}
