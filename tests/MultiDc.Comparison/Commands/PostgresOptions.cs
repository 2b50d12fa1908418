using System.CommandLine;
using MultiDc.Comparison.Postgres;

namespace MultiDc.Comparison.Commands;

/// <summary>Options that name PostgreSQL servers.</summary>
internal static class PostgresOptions
{
    public static Option<string> Server(string name, string description) => Checked(new Option<string>(name), description);

    public static Option<string[]> Servers(string name, string description) => Checked(new Option<string[]>(name), description);

    private static TOption Checked<TOption>(TOption option, string description)
        where TOption : Option
    {
        (option.Description, option.HelpName, option.Required) = ($"{description} An Npgsql connection string.", "text", true);
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(static token => !PostgresServer.IsConnectionString(token.Value)))
            {
                result.AddError($"{option.Name} '{token.Value}' is no connection string that names a host, such as Host=127.0.0.1;Port=5432;Username=me;Database=mine");
            }
        });
        return option;
    }
}
