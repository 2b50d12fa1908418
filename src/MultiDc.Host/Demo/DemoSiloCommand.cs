using System.CommandLine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using MultiDc.Host.Silo;

namespace MultiDc.Host.Demo;

/// <summary>The hidden command that the demo's child processes run: one silo that lives as long as its standard input is open.</summary>
internal static class DemoSiloCommand
{
    public const string Name = "demo-silo";

    public static Command Create()
    {
        var file = new Argument<FileInfo>("configuration");
        var command = new Command(Name, "One datacenter of the demo (started by the demo itself).") { Hidden = true };
        command.Arguments.Add(file);
        command.SetAction((result, cancellationToken) => RunAsync(result.GetRequiredValue(file), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(FileInfo file, CancellationToken cancellationToken)
    {
        var configuration = new ConfigurationBuilder().AddJsonFile(file.FullName).Build();
        using var host = await SiloHost.BuildAsync(configuration, cancellationToken);
        await host.StartAsync(cancellationToken);
        var lifetime = (IHostApplicationLifetime)host.Services.GetService(typeof(IHostApplicationLifetime))!;
        _ = Task.Run(StopAtEndOfInputAsync, CancellationToken.None);
        await host.WaitForShutdownAsync(CancellationToken.None);
        return 0;

        async Task StopAtEndOfInputAsync()
        {
            await Console.In.ReadToEndAsync(CancellationToken.None);
            lifetime.StopApplication();
        }
    }
}
