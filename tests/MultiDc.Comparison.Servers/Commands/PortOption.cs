using System.CommandLine;

namespace MultiDc.Comparison.Servers.Commands;

/// <summary>Options that name ports of this machine.</summary>
internal static class PortOption
{
    public static Option<int> Create(string name, string description)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "port", Required = true };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(static token => !ushort.TryParse(token.Value, out var port) || port == 0))
            {
                result.AddError($"{name} '{token.Value}' is no port");
            }
        });
        return option;
    }
}
