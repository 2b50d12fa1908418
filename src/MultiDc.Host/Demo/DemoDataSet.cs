namespace MultiDc.Host.Demo;

/// <summary>The rows that the demo loads.</summary>
internal static class DemoDataSet
{
    /// <summary>The register of network card makers, from Debian's package ieee-data.</summary>
    public const string DefaultFile = "/usr/share/ieee-data/oui.csv";

    private const string DefaultKeyColumn = "Assignment";

    /// <exception cref="DemoFailedException">The file cannot be loaded; the message says why.</exception>
    public static IReadOnlyList<KeyValuePair<string, string>> Read(DemoOptions options)
    {
        return [.. File.ReadLines(DefaultFile).Skip(1).Select(l => KeyValuePair.Create(l.Split(',')[1], l)).DistinctBy(x => x.Key)];
    }
}
