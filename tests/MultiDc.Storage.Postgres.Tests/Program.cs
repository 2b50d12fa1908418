using System.Globalization;

namespace MultiDc.Storage.Postgres.Tests;

/// <summary>The other process of tests that need one, and the kill loop in long form. Tests themselves are run by the test host.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments) => arguments switch
    {
        ["write", var connectionString] => await KillWriter.RunAsync(connectionString),
        ["kill-process", var rounds] => await KillLoop.RunAsync(int.Parse(rounds, CultureInfo.InvariantCulture), KillLoop.Victim.Process, Console.Out),
        ["kill-server", var rounds] => await KillLoop.RunAsync(int.Parse(rounds, CultureInfo.InvariantCulture), KillLoop.Victim.Server, Console.Out),
        _ => 64,
    };
}
