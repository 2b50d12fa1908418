using MultiDc.Wan.CommandLine;

return await WanCommand.InvokeAsync(args, Console.Out, Console.Error);
