namespace MultiDc.Linearizability;

/// <summary>The words of the file format.</summary>
internal static class OperationNames
{
    public static string Of(OperationKind kind) => kind switch
    {
        OperationKind.Put => "put",
        OperationKind.Get => "get",
        OperationKind.Delete => "delete",
        OperationKind.Cas => "cas",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not an operation"),
    };

    public static string Of(OperationResult result) => result switch
    {
        OperationResult.Ok => "ok",
        OperationResult.Fail => "fail",
        OperationResult.Unknown => "unknown",
        _ => throw new ArgumentOutOfRangeException(nameof(result), result, "not a result"),
    };

    public static OperationKind? Kind(string? name) => name switch
    {
        "put" => OperationKind.Put,
        "get" => OperationKind.Get,
        "delete" => OperationKind.Delete,
        "cas" => OperationKind.Cas,
        _ => null,
    };

    public static OperationResult? Result(string? name) => name switch
    {
        "ok" => OperationResult.Ok,
        "fail" => OperationResult.Fail,
        "unknown" => OperationResult.Unknown,
        _ => null,
    };
}
