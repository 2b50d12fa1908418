using Microsoft.Extensions.Configuration;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Running;

/// <summary>The configuration of <c>multidc run</c> and where it came from.</summary>
/// <param name="Values">All sources merged, the later ones over the earlier.</param>
/// <param name="Sources">The sources in that order, for people.</param>
internal sealed record RunConfiguration(IConfiguration Values, IReadOnlyList<string> Sources)
{
    public const string EnvironmentPrefix = "MULTIDC_";
    private const string FileName = "appsettings.json";

    // A person who runs a silo wants to hear of trouble. These warn without any: of the garbage collector's kind, of a watchdog that measures
    // its first period from the start of the machine, and of every retry.
    private static readonly KeyValuePair<string, string?>[] Defaults =
    [
        new("Logging:LogLevel:Default", "Warning"),
        new("Logging:LogLevel:Orleans.Runtime.Silo", "Error"),
        new("Logging:LogLevel:Orleans.Runtime.Watchdog", "Error"),
        new("Logging:LogLevel:Polly", "Error"),
    ];

    /// <summary>
    /// Reads <c>appsettings.json</c> in the working folder if it is there, then the given file, the environment, and the settings of the
    /// command line. Without any that lists datacenters, the development configuration beside the executable stands in for the files.
    /// </summary>
    /// <param name="workingFolder">The working folder.</param>
    /// <param name="file">The file of <c>--config</c>, or null.</param>
    /// <param name="settings">The settings of <c>--set</c>.</param>
    /// <exception cref="CommandException">A file is missing or malformed.</exception>
    public static RunConfiguration Read(string workingFolder, string? file, IReadOnlyList<KeyValuePair<string, string?>> settings)
    {
        var files = new List<string>();
        if (Path.Combine(workingFolder, FileName) is var local && File.Exists(local))
        {
            files.Add(local);
        }

        if (file is not null)
        {
            files.Add(file);
        }

        // A setting that is given twice has its last value, as with options elsewhere.
        var last = settings.GroupBy(static s => s.Key, StringComparer.OrdinalIgnoreCase).Select(static same => same.Last());
        var overrides = new ConfigurationBuilder().AddEnvironmentVariables(EnvironmentPrefix).AddInMemoryCollection(last).Build();
        var sources = files.ToList();
        if (files.Count == 0 && !overrides.GetSection("MultiDc:Datacenters").Exists())
        {
            files.Add(Path.Combine(AppContext.BaseDirectory, FileName));
            sources.Add($"{files[0]} (for development; use --config for your own)");
        }

        if (new ConfigurationBuilder().AddEnvironmentVariables(EnvironmentPrefix).Build().GetChildren().Any())
        {
            sources.Add($"environment variables {EnvironmentPrefix}*");
        }

        if (settings.Count > 0)
        {
            sources.Add("--set");
        }

        var builder = new ConfigurationBuilder().AddInMemoryCollection(Defaults);
        foreach (var path in files)
        {
            builder.AddConfiguration(ConfigurationFile.Read(path));
        }

        return new(builder.AddConfiguration(overrides).Build(), sources);
    }
}
