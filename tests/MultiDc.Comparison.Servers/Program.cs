using MultiDc.Comparison.Servers.Commands;

return await ServersCommand.Create().Parse(args).InvokeAsync();
