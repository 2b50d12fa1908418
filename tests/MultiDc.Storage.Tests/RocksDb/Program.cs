using System.Globalization;

namespace MultiDc.Storage.Tests;

/// <summary>
/// The other process of tests that need one, and the long form of the kill loop. Tests themselves are run by the test host.
/// </summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments) => arguments switch
    {
        ["kill-loop", .. var options] when options.Length % 2 == 0 && options.Where((_, i) => i % 2 == 0).All(o => o is "--rounds" or "--seed") =>
            await LoopAsync(options),
        ["write", var folder] => await KillWriter.RunAsync(folder),
        ["open", var folder] => await TryOpenAsync(folder),
        ["faulty-disk", var story, var fault, var folder] => await FaultyDiskProgram.RunAsync(story, fault, folder),
        _ => Usage(),
    };

    private static async Task<int> LoopAsync(string[] options)
    {
        var (rounds, seed) = (200, Random.Shared.Next());
        for (var i = 0; i + 1 < options.Length; i += 2)
        {
            var value = int.Parse(options[i + 1], CultureInfo.InvariantCulture);
            (rounds, seed) = options[i] == "--rounds" ? (value, seed) : (rounds, value);
        }

        using var folders = new TemporaryFolder();
        var loop = new KillLoop(folders.New(), seed);
        Console.WriteLine($"seed {loop.Seed}");
        for (var round = 1; round <= rounds; round++)
        {
            await loop.RoundAsync();
            if (round % 10 == 0)
            {
                Console.WriteLine($"round {round}: {loop.Acknowledgements:N0} acknowledged writes, none lost, none torn");
            }
        }

        Console.WriteLine($"{loop.Summary}: no acknowledged write is missing, no entry is torn, all rows match their applied index");
        return 0;
    }

    private static async Task<int> TryOpenAsync(string folder)
    {
        try
        {
            await using var store = await RocksDbTestStore.OpenAsync(folder);
            Console.WriteLine("opened");
            return 0;
        }
        catch (StoreOpenException exception)
        {
            Console.WriteLine(exception.Message);
            return 1;
        }
    }

    private static int Usage()
    {
        Console.Error.WriteLine("kill-loop [--rounds 200] [--seed N]    kills a writing process again and again and looks for what it lost");
        return 64;
    }
}
