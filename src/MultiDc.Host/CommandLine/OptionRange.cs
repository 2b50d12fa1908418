using System.CommandLine;

namespace MultiDc.Host.CommandLine;

/// <summary>Refuses numbers out of range, at parsing.</summary>
internal static class OptionRange
{
    public delegate bool TryParse<T>(string? text, out T value);

    /// <summary>What is no number at all is refused by the parser itself.</summary>
    public static void RequireRange<T>(this Option option, T least, T most, TryParse<T> tryParse)
        where T : IComparable<T> => option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && tryParse(result.Tokens[0].Value, out var value) && (value.CompareTo(least) < 0 || value.CompareTo(most) > 0))
            {
                result.AddError($"{option.Name} must be {least} to {most}");
            }
        });
}
