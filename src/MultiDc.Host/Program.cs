using MultiDc.Host.CommandLine;

var surroundings = Surroundings.OfProcess();
var root = MultiDcCommand.Create(surroundings);
return await MultiDcCommand.InvokeAsync(root, args, surroundings);
