using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using MultiDc.Host.Silo;

var configuration = new ConfigurationBuilder().AddJsonFile(Path.GetFullPath(args[1])).Build();
using var host = await SiloHost.BuildAsync(configuration, default);
await host.RunAsync();
