using System.Globalization;
using System.Text.Json;

namespace MultiDc.Linearizability;

/// <summary>Operations as people read them.</summary>
internal static class OperationText
{
    private const int LongestValue = 60;

    /// <summary>One line, columns aligned for clients below 1000.</summary>
    public static string Line(Operation operation)
    {
        var end = operation.End is { } e ? Seconds(e) : "no answer";
        return $"client {operation.Client,3}  [{Seconds(operation.Start)} .. {end}]  {Call(operation)}";
    }

    /// <summary>The call and its answer.</summary>
    public static string Call(Operation operation)
    {
        var call = operation.Kind switch
        {
            OperationKind.Put => $"put {Quote(operation.Value)}",
            OperationKind.Cas => $"cas {Quote(operation.Expect)} -> {Quote(operation.Value)}",
            OperationKind.Delete => "delete",
            _ => "get",
        };
        var answer = (operation.Result, operation.Kind) switch
        {
            (OperationResult.Unknown, _) => "outcome unknown",
            (OperationResult.Fail, _) => "failed",
            (_, OperationKind.Get) => Quote(operation.Output),
            (_, OperationKind.Cas) => operation.Output,
            _ => "ok",
        };
        return $"{call}: {answer}";
    }

    public static string Quote(string? value) => value switch
    {
        null => "absent",
        { Length: > LongestValue } => $"{JsonSerializer.Serialize(value[..LongestValue])} and {value.Length - LongestValue} more",
        _ => JsonSerializer.Serialize(value),
    };

    private static string Seconds(long nanoseconds) =>
        (nanoseconds / 1_000_000_000m).ToString("0.000000000", CultureInfo.InvariantCulture) + " s";
}
