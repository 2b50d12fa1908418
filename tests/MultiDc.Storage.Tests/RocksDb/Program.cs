namespace MultiDc.Storage.Tests;

/// <summary>The other process of tests that need one. Tests themselves are run by the test host.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments) => arguments switch
    {
        ["write", var folder] => await KillWriter.RunAsync(folder),
        ["open", var folder] => await TryOpenAsync(folder),
        _ => 64,
    };

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
}
