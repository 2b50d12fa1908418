using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;

namespace MultiDc.Comparison.Servers.Commands;

/// <summary>Options that name addresses with ports.</summary>
internal static class EndPointOption
{
    public static Option<IPEndPoint> One(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "address:port",
        Required = true,
        CustomParser = static result => Read(result, result.Tokens[0]),
    };

    public static Option<IPEndPoint[]> Several(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "address:port",
        Required = true,
        CustomParser = static result => [.. result.Tokens.Select(token => Read(result, token)).OfType<IPEndPoint>()],
    };

    // An address without a port would be read, too, and be port 0.
    private static IPEndPoint? Read(ArgumentResult result, Token token)
    {
        if (IPEndPoint.TryParse(token.Value, out var endPoint) && endPoint.Port > 0)
        {
            return endPoint;
        }

        result.AddError($"'{token.Value}' is not of the form address:port");
        return null;
    }
}
