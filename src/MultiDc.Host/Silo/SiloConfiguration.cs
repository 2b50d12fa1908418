using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using MultiDc.Server.Hosting;
using MultiDc.Storage.Postgres;
using StackExchange.Redis;

namespace MultiDc.Host.Silo;

/// <summary>Reads the sections <c>MultiDc</c> and <c>Silo</c> strictly: a setting that nobody reads is a mistake that would otherwise stay unseen.</summary>
internal static class SiloConfiguration
{
    private static readonly TimeSpan ShortestMembershipTime = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestMembershipTime = TimeSpan.FromMinutes(1);

    // The binder drops a list element that does not convert, unless it is strict.
    private static readonly Action<BinderOptions> Strict = static binder => binder.ErrorOnUnknownConfiguration = true;

    /// <exception cref="OptionsValidationException">A setting is unknown or cannot work; the messages are for the operator, all at once.</exception>
    public static (MultiDcOptions MultiDc, SiloOptions Silo) Read(IConfiguration configuration)
    {
        var multiDc = new MultiDcOptions();
        var silo = new SiloOptions();
        string[] problems = [.. Bind(configuration.GetSection("MultiDc"), multiDc), .. Bind(configuration.GetSection("Silo"), silo)];
        if (problems.Length == 0)
        {
            problems = [.. silo.Store == SiloStore.Embedded ? Problems(multiDc) : [], .. Problems(silo)];
        }

        return problems.Length == 0 ? (multiDc, silo) : throw new OptionsValidationException("Silo", typeof(SiloOptions), problems);
    }

    private static List<string> Bind(IConfigurationSection section, object options)
    {
        var problems = UnknownSettings(section, options.GetType()).ToList();
        if (problems.Count == 0)
        {
            try
            {
                section.Bind(options, Strict);
            }
            catch (InvalidOperationException exception)
            {
                problems.Add(exception.InnerException is InvalidOperationException cause ? cause.Message : exception.Message);
            }
        }

        return problems;
    }

    private static IEnumerable<string> UnknownSettings(IConfigurationSection section, Type type)
    {
        foreach (var setting in section.GetChildren())
        {
            var property = Array.Find(type.GetProperties(), p => p.Name.Equals(setting.Key, StringComparison.OrdinalIgnoreCase));
            if (property is null)
            {
                yield return $"{setting.Path} is no setting; there are {string.Join(", ", type.GetProperties().Select(static p => p.Name).Order(StringComparer.Ordinal))}";
            }
            else if (property.PropertyType is { IsGenericType: true } list && list.GetGenericTypeDefinition() == typeof(IList<>) && list.GenericTypeArguments[0] != typeof(string))
            {
                foreach (var problem in setting.GetChildren().SelectMany(element => UnknownSettings(element, list.GenericTypeArguments[0])))
                {
                    yield return problem;
                }
            }
        }
    }

    private static IEnumerable<string> Problems(MultiDcOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.DataFolder))
        {
            yield return "MultiDc:DataFolder is empty: name the folder of the silo's store";
        }
    }

    private static IEnumerable<string> Problems(SiloOptions options)
    {
        if (!IPAddress.TryParse(options.Address, out _))
        {
            yield return $"Silo:Address '{options.Address}' is not an IP address";
        }

        foreach (var (name, port) in new[] { ("SiloPort", options.SiloPort), ("GatewayPort", options.GatewayPort), ("PrimarySiloPort", options.PrimarySiloPort ?? 1) })
        {
            if (port is < 1 or > IPEndPoint.MaxPort)
            {
                yield return $"Silo:{name} {port} is not within 1 to {IPEndPoint.MaxPort}";
            }
        }

        if (options.SiloPort == options.GatewayPort)
        {
            yield return $"Silo:SiloPort and Silo:GatewayPort are both {options.SiloPort}";
        }

        foreach (var (name, time) in new[]
        {
            (nameof(options.ProbeTimeout), options.ProbeTimeout),
            (nameof(options.MembershipRefreshPeriod), options.MembershipRefreshPeriod),
            (nameof(options.IAmAlivePeriod), options.IAmAlivePeriod),
        })
        {
            if (time < ShortestMembershipTime || time > LongestMembershipTime)
            {
                yield return $"Silo:{name} {time} is not within {ShortestMembershipTime} and {LongestMembershipTime}";
            }
        }

        if (options.MissedProbes is < 1 or > 10)
        {
            yield return $"Silo:MissedProbes {options.MissedProbes} is not within 1 to 10";
        }

        if (options.Clustering == SiloClustering.Redis && DescribeRedisProblem(options.Redis) is { } problem)
        {
            yield return problem;
        }

        if (options.Store == SiloStore.Postgres && DescribePostgresProblem(options.Postgres) is { } unusable)
        {
            yield return unusable;
        }
    }

    private static string? DescribePostgresProblem(string postgres)
    {
        const string Empty = "Silo:Postgres is empty: give the database, such as Host=db;Database=shop;Username=shop, or set Silo:Store to Embedded";
        if (string.IsNullOrWhiteSpace(postgres))
        {
            return Empty;
        }

        try
        {
            new PostgresReplicaStoreOptions { ConnectionString = postgres, ClusterId = "any" }.Validate();
            return null;
        }
        catch (ArgumentException)
        {
            // Nothing of the text itself: it may hold a password.
            return "Silo:Postgres cannot be read: it is a list of keyword=value pairs of Npgsql, with a Host";
        }
    }

    private static string? DescribeRedisProblem(string redis)
    {
        const string Empty = "Silo:Redis is empty: give Redis' host:port, or set Silo:Clustering to Localhost";
        if (string.IsNullOrWhiteSpace(redis))
        {
            return Empty;
        }

        try
        {
            return ConfigurationOptions.Parse(redis).EndPoints.Count > 0 ? null : Empty;
        }
        catch (ArgumentException exception)
        {
            // Not the text itself: it may hold a password.
            return $"Silo:Redis cannot be read: {exception.Message}";
        }
    }
}
