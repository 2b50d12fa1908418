using System.Diagnostics;

namespace MultiDc.Storage.Tests;

/// <summary>Runs <see cref="Program"/> in a process of its own.</summary>
internal static class OtherProcess
{
    public static Process Start(params string[] arguments)
    {
        var host = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        return Process.Start(new ProcessStartInfo(host, ["exec", typeof(OtherProcess).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
        })!;
    }
}
