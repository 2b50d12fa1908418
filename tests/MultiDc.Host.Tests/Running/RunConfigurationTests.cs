using MultiDc.Host.Running;
using MultiDc.Host.Silo;

namespace MultiDc.Host.Tests.Running;

public sealed class RunConfigurationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void With_nothing_the_development_configuration_is_used_and_valid()
    {
        var configuration = RunConfiguration.Read(folder.Path, null, []);
        var (multiDc, silo) = SiloConfiguration.Read(configuration.Values);

        Assert.Contains("for development", Assert.Single(configuration.Sources), StringComparison.Ordinal);
        Assert.Equal(("dc1", "./data/dc1", 30000), (multiDc.Datacenter, multiDc.DataFolder, silo.GatewayPort));
    }

    [Fact]
    public void Settings_alone_change_the_development_configuration_unless_they_list_datacenters()
    {
        Assert.Equal("30001", RunConfiguration.Read(folder.Path, null, [new("Silo:GatewayPort", "30001")]).Values["Silo:GatewayPort"]);

        var own = RunConfiguration.Read(folder.Path, null, [new("MultiDc:Datacenters:0:Name", "x")]);
        Assert.Equal(["--set"], own.Sources);
        Assert.Null(own.Values["MultiDc:DataFolder"]);
    }

    [Fact]
    public void A_setting_given_twice_has_its_last_value() =>
        Assert.Equal("2", RunConfiguration.Read(folder.Path, null, [new("Silo:SiloPort", "1"), new("silo:siloport", "2")]).Values["Silo:SiloPort"]);

    [Fact]
    public void The_later_source_wins()
    {
        var local = folder.File("appsettings.json", """{ "A": "local", "B": "local", "C": "local", "D": "local" }""");
        var file = folder.File("given.json", """{ "B": "file", "C": "file", "D": "file" }""");
        Environment.SetEnvironmentVariable("MULTIDC_C", "environment");
        Environment.SetEnvironmentVariable("MULTIDC_D", "environment");
        try
        {
            var configuration = RunConfiguration.Read(folder.Path, file, [new("D", "set")]);

            Assert.Equal([local, file, "environment variables MULTIDC_*", "--set"], configuration.Sources);
            Assert.Equal(["local", "file", "environment", "set"], new[] { "A", "B", "C", "D" }.Select(key => configuration.Values[key]));
        }
        finally
        {
            Environment.SetEnvironmentVariable("MULTIDC_C", null);
            Environment.SetEnvironmentVariable("MULTIDC_D", null);
        }
    }
}
