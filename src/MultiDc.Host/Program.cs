using System.CommandLine;
using MultiDc.Host.Demo;
var root = new RootCommand("x") { DemoCommand.Create(), DemoSiloCommand.Create() };
return await root.Parse(args).InvokeAsync();
